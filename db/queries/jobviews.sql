-- name: job_heads
-- A page of jobs, the newest first.
SELECT id, kind, state, retry_of, requested_by, stored, created_at, started_at, finished_at, cancel_requested_at
FROM jobs
WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
ORDER BY id DESC
LIMIT %(page_size)s::bigint OFFSET %(offset)s::bigint;

-- name: count_jobs
-- How many jobs the filters leave.
SELECT count(*) FROM jobs
WHERE (%(state)s::text IS NULL OR state = %(state)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s);

-- name: job_head
-- One job.
SELECT id, kind, state, retry_of, requested_by, stored, created_at, started_at, finished_at, cancel_requested_at
FROM jobs WHERE id = %(job)s;

-- name: job_has_ended
-- Whether a job has ended; cheap, for those who wait for it.
SELECT finished_at IS NOT NULL FROM jobs WHERE id = %(job)s;

-- name: job_parts
-- What became of each source's tasks, in the order they were asked for; the message is that of the last failure.
SELECT job_id, source,
       count(*) FILTER (WHERE state = 'queued') AS queued,
       count(*) FILTER (WHERE state = 'running') AS running,
       count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
       count(*) FILTER (WHERE state = 'failed') AS failed,
       count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
       sum(rows) AS rows, sum(rejected) AS rejected, max(fence - asides) AS attempts,
       (array_agg(errors -> -1 ->> 'detail' ORDER BY state = 'failed' DESC, (errors -> -1 ->> 'at')::timestamptz DESC)
            FILTER (WHERE errors <> '[]' AND state <> 'succeeded'))[1] AS message,
       coalesce((array_agg(notes ORDER BY id) FILTER (WHERE notes <> '{}'))[1], '{}') AS notes,
       sum(pages_known) AS pages_known
FROM tasks
WHERE job_id = ANY (%(jobs)s::bigint[])
GROUP BY job_id, source
ORDER BY job_id, min(id);

-- name: stored_by_source
-- How many distinct coins each source of a job made or updated.
SELECT source, count(DISTINCT coin) FROM tasks, unnest(coins) AS coin WHERE job_id = %(job)s GROUP BY source;

-- name: job_errors
-- The latest failed attempts of a job's tasks.
SELECT t.source, t.kind, (e ->> 'at')::timestamptz, (e ->> 'attempt')::integer, e ->> 'detail', e ->> 'followed'
FROM tasks t, jsonb_array_elements(t.errors) AS e
WHERE t.job_id = %(job)s
ORDER BY (e ->> 'at')::timestamptz DESC, t.id DESC
LIMIT %(most)s::bigint;

-- name: job_steps
-- When each source's fetching and normalizing began and ended.
SELECT source, kind, count(*), min(started_at), CASE WHEN bool_and(finished_at IS NOT NULL) THEN max(finished_at) END
FROM tasks
WHERE job_id = %(job)s
GROUP BY source, kind
ORDER BY min(id);

-- name: job_rejections
-- The first rows of a job that were not stored.
SELECT t.source, r.row, r.reason, r.raw
FROM tasks t JOIN rejections r ON r.task_id = t.id
WHERE t.job_id = %(job)s
ORDER BY r.task_id, r.row
LIMIT %(most)s::bigint;

-- name: coin_names_of_job
-- The names of the coins of a job (a nameless one's symbol), once each, in the order they came.
SELECT coalesce(nullif(c.name, ''), nullif(c.symbol, ''), c.canonical_id)
FROM (
    SELECT coin, min(ARRAY[t.id, place]) AS first_seen
    FROM tasks t, unnest(t.coins) WITH ORDINALITY AS u (coin, place)
    WHERE t.job_id = %(job)s
    GROUP BY coin
) AS came
JOIN cryptocurrencies c ON c.coin_key = came.coin
ORDER BY came.first_seen
LIMIT %(most)s::bigint;
