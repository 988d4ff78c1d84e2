-- name: living_workers
-- Worker processes that gave a sign of life within these seconds, the longest-lived first.
SELECT id, started_at FROM workers WHERE seen_at > now() - %(within)s * interval '1 second' ORDER BY started_at, id;

-- name: running_tasks
-- What workers are doing, the oldest first, and since when.
SELECT worker, id, job_id, kind, source, started_at FROM tasks
WHERE state = 'running' ORDER BY started_at, id LIMIT %(most)s::bigint;

-- name: dead_letters_by_source
-- How many failed tasks each source has that were not run again.
SELECT source, count(*) FROM tasks WHERE state = 'failed' AND retried_by IS NULL GROUP BY source ORDER BY source;
