-- name: prune_raw_batches
-- Pages past their age whose job has ended; in small bites.
DELETE FROM raw_batches WHERE id IN (
    SELECT b.id FROM raw_batches b JOIN tasks t ON t.id = b.task_id JOIN jobs j ON j.id = t.job_id
    WHERE b.fetched_at < now() - %(age)s * interval '1 second' AND j.finished_at IS NOT NULL
    ORDER BY b.id LIMIT 100
);

-- name: prune_uploads
-- Uploaded files past their age that no open task reads; in small bites.
DELETE FROM uploads WHERE id IN (
    SELECT id FROM uploads u
    WHERE created_at < now() - %(age)s * interval '1 second'
      AND NOT EXISTS (SELECT FROM tasks t WHERE t.state IN ('queued', 'running') AND t.params ->> 'upload' = u.id::text)
    ORDER BY id LIMIT 10
);

-- name: prune_idempotency_keys
-- Keys are kept for a day.
DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours';
