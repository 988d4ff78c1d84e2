-- name: rejects_by_reason
-- How many rows of a job were not stored for which reason; what a reason quotes of the row is left out.
SELECT regexp_replace(r.reason, ': .*$', '') AS why, count(*)
FROM tasks t JOIN rejections r ON r.task_id = t.id
WHERE t.job_id = %(job)s
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT %(most)s;

-- name: page_of_rejects
-- A page of the rows of a job that were not stored, in the order they came, in the list's envelope.
WITH matching AS NOT MATERIALIZED (
    SELECT t.source, r.row, r.reason, r.raw, r.task_id
    FROM tasks t JOIN rejections r ON r.task_id = t.id
    WHERE t.job_id = %(job)s
), page AS (
    SELECT source, row, reason, raw FROM matching ORDER BY task_id, row LIMIT %(page_size)s::bigint OFFSET %(offset)s::bigint
), counted AS (
    SELECT count(*) AS total FROM matching
)
SELECT row_to_json(envelope)::text
FROM (
    SELECT (SELECT coalesce(json_agg(page), '[]') FROM page) AS data,
           %(page)s::bigint AS page, %(page_size)s::bigint AS page_size, counted.total,
           (counted.total + %(page_size)s::bigint - 1) / %(page_size)s::bigint AS total_pages
    FROM counted
) AS envelope;

-- name: next_rejects
-- The rows that follow one, about so many: whoever reads all of them holds no connection in between.
SELECT t.source, r.row, r.reason, r.raw, r.task_id
FROM tasks t JOIN rejections r ON r.task_id = t.id
WHERE t.job_id = %(job)s AND (r.task_id, r.row) > (%(task)s::bigint, %(row)s::bigint)
ORDER BY r.task_id, r.row
FETCH FIRST %(most)s ROWS WITH TIES;
