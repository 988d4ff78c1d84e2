-- name: lock_pruning
-- One process prunes at a time; the others have better things to do than to wait.
SELECT pg_try_advisory_xact_lock(7316400011);

-- name: jobs_past_their_age
-- Ended jobs to be forgotten: none whose failed parts are being run again, nor the one that keeps its schedule's slot taken.
SELECT id FROM jobs j
WHERE finished_at < now() - %(age)s * interval '1 second'
  AND NOT EXISTS (SELECT FROM tasks t JOIN jobs again ON again.id = t.retried_by
                  WHERE t.job_id = j.id AND again.finished_at IS NULL)
  AND (slot IS NULL OR slot NOT LIKE 'schedule:%%'
       OR created_at < now() - split_part(slot, ':', 4)::float8 * interval '1 second')
ORDER BY finished_at
LIMIT 100;

-- name: prune_tasks
-- The tasks of jobs to be forgotten, with their pages and rejected rows; before their jobs, as everywhere.
DELETE FROM tasks WHERE job_id = ANY (%(jobs)s::bigint[]);

-- name: prune_jobs
-- Jobs to be forgotten, with the keys that made them.
DELETE FROM jobs WHERE id = ANY (%(jobs)s::bigint[]);

-- name: prune_raw_batches
-- Pages past their age whose job has ended and that no open task is about.
DELETE FROM raw_batches WHERE id IN (
    SELECT b.id FROM raw_batches b JOIN tasks t ON t.id = b.task_id JOIN jobs j ON j.id = t.job_id
    WHERE b.fetched_at < now() - %(age)s * interval '1 second' AND j.finished_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM tasks o WHERE o.state IN ('queued', 'running') AND o.batch_id = b.id)
    ORDER BY b.id LIMIT 100
);

-- name: prune_uploads
-- Uploaded files past their age that no open task reads and no page is a part of.
DELETE FROM uploads WHERE id IN (
    SELECT id FROM uploads u
    WHERE created_at < now() - %(age)s * interval '1 second'
      AND NOT EXISTS (SELECT FROM tasks t WHERE t.state IN ('queued', 'running') AND t.params ->> 'upload' = u.id::text)
      AND NOT EXISTS (SELECT FROM raw_batches b WHERE b.upload_id = u.id)
    ORDER BY id LIMIT 10
);

-- name: prune_idempotency_keys
-- Keys are kept for a day.
DELETE FROM idempotency_keys WHERE (principal, key) IN (
    SELECT principal, key FROM idempotency_keys WHERE created_at < now() - interval '24 hours' ORDER BY created_at LIMIT 1000
);
