-- name: job_heads_by_id
-- These jobs, the newest first; one that is gone is left out.
SELECT id, kind, state, retry_of, requested_by, stored, created_at, started_at, finished_at, cancel_requested_at
FROM jobs WHERE id = ANY (%(jobs)s::bigint[])
ORDER BY id DESC;

-- name: job_task_lines
-- The tasks of a job, those that somebody may want to look at first: what runs, failed, waits, was stopped, is done.
SELECT t.id, t.kind, t.source, t.state, t.fence - t.asides AS attempts, t.waits, t.asides,
       CASE WHEN t.state = 'queued' AND t.run_at > now() THEN t.run_at END AS not_before,
       CASE WHEN t.state = 'running' THEN t.worker END AS worker,
       t.rows, t.rejected, t.started_at, t.finished_at, t.retried_by,
       t.params ->> 'limit' AS limited, t.params ? 'upload' AS uploaded, u.filename, coalesce(t.params -> 'columns', '{}') AS columns
FROM tasks t LEFT JOIN uploads u ON u.id = (t.params ->> 'upload')::bigint
WHERE t.job_id = %(job)s
ORDER BY array_position(ARRAY['running', 'failed', 'queued', 'cancelled', 'succeeded'], t.state), t.id
LIMIT %(most)s::bigint;

-- name: jobs_that_ran_it_again
-- The jobs that took over what failed of this one, whether all of it was retried or a task of it alone.
SELECT j.id, j.state
FROM jobs j
JOIN (SELECT id FROM jobs WHERE retry_of = %(job)s
      UNION
      SELECT retried_by FROM tasks WHERE job_id = %(job)s) AS again USING (id)
ORDER BY j.id;

-- name: jobs_by_state_and_kind
-- How many jobs there are of each state and kind, for the filters of the list.
SELECT state, kind, count(*) FROM jobs GROUP BY state, kind;
