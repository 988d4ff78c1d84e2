-- name: insert_job
-- A new job, unless another process has already made the one of this slot.
INSERT INTO jobs (kind, slot, retry_of, requested_by, traceparent)
VALUES (%(kind)s, %(slot)s, %(retry_of)s, %(requested_by)s, %(traceparent)s)
ON CONFLICT (slot) DO NOTHING
RETURNING id;

-- name: insert_task
-- A task of a job; marked as dispatched because its doorbell is rung right after the commit.
INSERT INTO tasks (job_id, kind, source, params, cursor, batch_id, max_attempts, dispatched_at)
VALUES (%(job)s, %(kind)s, %(source)s, %(params)s, %(cursor)s, %(batch)s, %(max_attempts)s, now())
RETURNING id;

-- name: lock_idempotency_key
-- Concurrent requests with one key stand in line until the first has committed.
SELECT pg_advisory_xact_lock(hashtextextended(%(principal)s || chr(10) || %(key)s, 0));

-- name: find_idempotency_key
-- What was asked under this key before, and the job that it made.
SELECT request_hash, job_id FROM idempotency_keys WHERE principal = %(principal)s AND key = %(key)s;

-- name: insert_idempotency_key
-- Remember which job a key made.
INSERT INTO idempotency_keys (principal, key, request_hash, job_id)
VALUES (%(principal)s, %(key)s, %(request_hash)s, %(job)s);

-- name: request_cancel
-- Stop a job that has not ended; no row when there is no such job.
UPDATE jobs
SET cancel_requested_at = CASE WHEN finished_at IS NULL THEN coalesce(cancel_requested_at, now()) ELSE cancel_requested_at END
WHERE id = %(job)s
RETURNING id;

-- name: cancel_queued_tasks
-- The tasks of a job to be cancelled that nobody works on end at once; they are locked before their job, as everywhere.
WITH waiting AS (
    SELECT t.id FROM tasks t JOIN jobs j ON j.id = t.job_id
    WHERE t.job_id = %(job)s AND t.state = 'queued' AND j.cancel_requested_at IS NOT NULL
    ORDER BY t.id
    FOR UPDATE OF t
)
UPDATE tasks t SET state = 'cancelled', finished_at = now()
FROM waiting WHERE t.id = waiting.id AND t.state = 'queued';

-- name: jobs_being_cancelled
-- Jobs whose cancel was asked for and that have not ended.
SELECT id FROM jobs WHERE cancel_requested_at IS NOT NULL AND finished_at IS NULL ORDER BY id;

-- name: lock_job
-- The last task to end must see that all others have: whoever counts a job's tasks holds this lock. It is one that lets
-- those go on who refer to the job with a task of theirs: two who do both, at once, would wait for each other.
SELECT FROM jobs WHERE id = %(job)s FOR NO KEY UPDATE;

-- name: settle_job
-- When no task is open, the job's state is a function of its tasks' states; a state that ended never changes.
WITH ended AS (
    SELECT count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
           count(*) FILTER (WHERE state = 'failed') AS failed,
           count(*) FILTER (WHERE state = 'succeeded' AND kind = 'normalize') AS effective
    FROM tasks WHERE job_id = %(job)s
)
UPDATE jobs
SET state = CASE WHEN ended.cancelled > 0 THEN 'cancelled'
                 WHEN ended.failed = 0 THEN 'succeeded'
                 WHEN ended.effective > 0 THEN 'partial_success'
                 ELSE 'failed' END,
    stored = (SELECT count(DISTINCT coin) FROM tasks, unnest(coins) AS coin WHERE job_id = %(job)s),
    -- the clock, not the transaction: whose began first may be the last to end
    finished_at = clock_timestamp()
FROM ended
WHERE id = %(job)s AND finished_at IS NULL
  AND NOT EXISTS (SELECT FROM tasks WHERE job_id = %(job)s AND state IN ('queued', 'running'));

-- name: retryable_parts
-- What failed or was cancelled of an ended job, to be run again from where it stopped; no row with a kind when nothing was.
SELECT j.kind, j.finished_at IS NOT NULL, t.id, t.kind, t.source, t.params, t.cursor, t.batch_id, t.max_attempts
FROM jobs j LEFT JOIN tasks t ON t.job_id = j.id AND t.state IN ('failed', 'cancelled')
WHERE j.id = %(job)s
ORDER BY t.id;

-- name: mark_retried
-- These tasks are run again by that job.
WITH again AS (SELECT id FROM tasks WHERE id = ANY (%(tasks)s::bigint[]) ORDER BY id FOR UPDATE)
UPDATE tasks t SET retried_by = %(job)s FROM again WHERE t.id = again.id;
