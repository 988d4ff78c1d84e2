-- name: moment_of_events
-- What a statement that starts now sees: which transactions, and which data.
SELECT pg_current_snapshot()::text, data_version();

-- name: jobs_changed_since
-- Jobs whose tasks changed in transactions that a snapshot did not see, as they are now. Numbers that no transaction has
-- had yet come from another database, restored here.
WITH moved AS (
    SELECT DISTINCT job_id FROM tasks
    WHERE changed >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot)
      AND changed < pg_snapshot_xmax(pg_current_snapshot())
      AND NOT pg_visible_in_snapshot(changed, %(snapshot)s::pg_snapshot)
    LIMIT %(most)s::bigint
)
SELECT j.id, j.state, j.kind, progress.done, progress.total
FROM moved JOIN jobs j ON j.id = moved.job_id, LATERAL (
    SELECT count(*) FILTER (WHERE t.state NOT IN ('queued', 'running')) AS done, count(*) AS total
    FROM tasks t WHERE t.job_id = j.id
) AS progress
ORDER BY j.id;

-- name: jobs_lately
-- Jobs that run, and those that ended within these seconds, for who has only just begun to listen.
WITH lately AS (
    SELECT id, state, kind FROM jobs
    WHERE finished_at > now() - %(within)s * interval '1 second'
       OR id IN (SELECT job_id FROM tasks WHERE state = 'running')
    ORDER BY id DESC
    LIMIT %(most)s::bigint
)
SELECT j.id, j.state, j.kind, progress.done, progress.total
FROM lately j, LATERAL (
    SELECT count(*) FILTER (WHERE t.state NOT IN ('queued', 'running')) AS done, count(*) AS total
    FROM tasks t WHERE t.job_id = j.id
) AS progress
ORDER BY j.id;

-- name: queues_now
-- By queue: tasks that are due, that somebody works on, whose time is still to come; since when the oldest has been due.
SELECT queue.name,
       count(t.id) FILTER (WHERE t.state = 'queued' AND t.run_at <= now()),
       count(t.id) FILTER (WHERE t.state = 'running'),
       count(t.id) FILTER (WHERE t.state = 'queued' AND t.run_at > now()),
       extract(epoch FROM now() - min(t.run_at) FILTER (WHERE t.state = 'queued' AND t.run_at <= now()))::float8
FROM unnest(%(queues)s::text[]) WITH ORDINALITY AS queue (name, place)
LEFT JOIN tasks t ON t.state IN ('queued', 'running')
                 AND CASE t.kind WHEN 'fetch' THEN 'fetch' ELSE 'normalize' END = queue.name
GROUP BY queue.name, queue.place
ORDER BY queue.place;
