-- name: dead_letters
-- A page of the tasks that failed for good and were not run again, the latest first.
SELECT id, job_id, kind, source, fence - asides, finished_at, errors
FROM tasks
WHERE state = 'failed' AND retried_by IS NULL AND (%(source)s::text IS NULL OR source = %(source)s)
ORDER BY id DESC
LIMIT %(page_size)s::bigint OFFSET %(offset)s::bigint;

-- name: count_dead_letters
-- How many there are.
SELECT count(*) FROM tasks
WHERE state = 'failed' AND retried_by IS NULL AND (%(source)s::text IS NULL OR source = %(source)s);

-- name: lock_dead_letter
-- A task, whatever its state, so that two who run it again at once do so one after the other.
SELECT state, retried_by, job_id, id, kind, source, params, cursor, batch_id, max_attempts
FROM tasks WHERE id = %(task)s
FOR UPDATE;

-- name: lock_dead_letters_of_source
-- The oldest of a source's failed tasks that were not run again.
SELECT id, kind, source, params, cursor, batch_id, max_attempts
FROM tasks
WHERE state = 'failed' AND retried_by IS NULL AND source = %(source)s
ORDER BY id
LIMIT %(most)s::bigint
FOR UPDATE;
