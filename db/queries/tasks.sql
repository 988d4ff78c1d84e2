-- name: claim_tasks
-- Take a due task, or so many of its job's pages, and set the job running; no row: drop the message.
WITH waiting AS (
    -- Of a job's pages any may be taken. The newest go first: files grow at their end, and a page whose quotes are
    -- superseded already costs a fraction of one whose quotes become the latest.
    SELECT t.id, t.attempt
    FROM tasks rung
    JOIN tasks t ON t.job_id = rung.job_id
                AND (t.id = rung.id OR rung.kind = 'normalize' AND t.kind = rung.kind AND t.source = rung.source)
    WHERE rung.id = %(task)s AND t.state = 'queued' AND t.run_at <= now()
      -- Who takes several comes back for more, so one thread of a process is enough for a job.
      AND (%(most)s = 1 OR rung.kind <> 'normalize'
           OR NOT EXISTS (SELECT FROM tasks mine
                          WHERE mine.job_id = rung.job_id AND mine.source = rung.source AND mine.kind = rung.kind
                            AND mine.state = 'running' AND mine.worker = %(worker)s))
    ORDER BY t.attempt > 0, t.id DESC
    LIMIT %(most)s
    FOR UPDATE OF t SKIP LOCKED
), chosen AS (
    -- What was tried before is tried alone, lest it take others with it.
    SELECT id FROM (SELECT id, attempt, row_number() OVER (ORDER BY attempt > 0, id DESC) AS place FROM waiting) AS w
    WHERE attempt = 0 OR place = 1
), claimed AS (
    -- A higher fence shuts every earlier holder out.
    UPDATE tasks t
    SET state = 'running', attempt = attempt + 1, fence = fence + 1, worker = %(worker)s,
        lease_until = now() + %(lease)s * interval '1 second', started_at = coalesce(t.started_at, now())
    FROM jobs j, chosen
    WHERE t.id = chosen.id AND t.state = 'queued' AND t.run_at <= now()
      AND j.id = t.job_id AND j.cancel_requested_at IS NULL
    RETURNING t.id, t.job_id, t.kind, t.source, t.params, t.cursor, t.batch_id, t.attempt, t.max_attempts, t.waits, t.fence,
              j.traceparent
), begun AS (
    UPDATE jobs SET state = 'running', started_at = now()
    FROM claimed WHERE jobs.id = claimed.job_id AND jobs.state = 'queued'
)
SELECT * FROM claimed ORDER BY id;

-- name: insert_claimed_page
-- A page's task, claimed by the worker that has just fetched the page. No row when its job is to be cancelled; with the
-- job's row locked, nobody can ask for that until the claim is committed.
WITH job AS (
    SELECT id FROM jobs WHERE id = %(job)s AND cancel_requested_at IS NULL FOR NO KEY UPDATE
)
INSERT INTO tasks (job_id, kind, source, batch_id, max_attempts, dispatched_at,
                   state, attempt, fence, worker, lease_until, started_at)
SELECT id, 'normalize', %(source)s, %(batch)s, %(max_attempts)s, now(),
       'running', 1, 1, %(worker)s, now() + %(lease)s * interval '1 second', now()
FROM job
RETURNING id;

-- name: lock_tasks
-- The first statement of every transaction with effects: a row too few means that a task is no longer ours.
SELECT j.cancel_requested_at IS NOT NULL
FROM tasks t
JOIN unnest(%(tasks)s::bigint[], %(fences)s::bigint[]) AS mine (id, fence) ON t.id = mine.id AND t.fence = mine.fence
JOIN jobs j ON j.id = t.job_id
WHERE t.state = 'running'
ORDER BY t.id
FOR UPDATE OF t;

-- name: renew_leases
-- Keep what this process holds; a row locked by its own effects can't be taken back meanwhile and is passed over.
WITH held AS (
    SELECT t.id FROM tasks t
    JOIN unnest(%(tasks)s::bigint[], %(fences)s::bigint[]) AS mine (id, fence) ON t.id = mine.id AND t.fence = mine.fence
    WHERE t.state = 'running'
    FOR UPDATE OF t SKIP LOCKED
)
UPDATE tasks t SET lease_until = now() + %(lease)s * interval '1 second' FROM held WHERE t.id = held.id;

-- name: advance_task
-- A step is done, such as a page stored: go on from behind it; tries count anew, since there was progress.
UPDATE tasks SET cursor = %(cursor)s, attempt = 1, lease_until = now() + %(lease)s * interval '1 second' WHERE id = %(task)s;

-- name: insert_raw_batch
-- Keep a page as it came, or say where in an uploaded file it stands.
INSERT INTO raw_batches (task_id, number, body, meta, upload_id, upload_from, upload_bytes, digest)
VALUES (%(task)s, %(number)s, %(body)s, %(meta)s, %(upload)s, %(from)s, %(bytes)s, %(digest)s)
RETURNING id;

-- name: load_raw_batch
-- A page as it came, and when it was fetched; before anything is merged, in which epoch the data are.
SELECT coalesce(b.body, part.body), b.meta, b.fetched_at, b.task_id, b.digest, data_epoch()
FROM raw_batches b
LEFT JOIN LATERAL (
    SELECT string_agg(substring(c.data FROM greatest(b.upload_from - c.at, 0)::integer + 1
                                FOR least(b.upload_from + b.upload_bytes - c.at, b.upload_bytes)::integer),
                      '' ORDER BY c.number) AS body
    FROM (
        SELECT number, data, sum(length(data)) OVER (ORDER BY number) - length(data) AS at
        FROM upload_chunks WHERE upload_id = b.upload_id
    ) AS c
    WHERE c.at < b.upload_from + b.upload_bytes AND c.at + length(c.data) > b.upload_from
) AS part ON b.upload_id IS NOT NULL
WHERE b.id = %(batch)s;

-- name: succeed_task
-- The task's work is done, with what came of it. By the clock: a merge's transaction may have begun long before.
UPDATE tasks
SET state = 'succeeded', finished_at = clock_timestamp(), lease_until = NULL,
    rows = %(rows)s, rejected = %(rejected)s, coins = %(coins)s, notes = %(notes)s,
    digest = %(digest)s, epoch = %(epoch)s
WHERE id = %(task)s;

-- name: insert_rejection
-- A row that was not stored, with the reason.
INSERT INTO rejections (task_id, row, reason, raw) VALUES (%(task)s, %(row)s, %(reason)s, %(raw)s);

-- name: postpone_task
-- Try again after some seconds; a wait that the upstream asked for gives the attempt back.
UPDATE tasks
SET state = 'queued', lease_until = NULL, dispatched_at = NULL, run_at = now() + %(delay)s * interval '1 second',
    attempt = attempt - %(given_back)s, waits = waits + %(given_back)s,
    errors = errors || jsonb_build_object('at', now(), 'attempt', attempt, 'detail', %(detail)s::text, 'followed', %(followed)s::text)
WHERE id = %(task)s;

-- name: set_task_aside
-- Not now, by a rule of ours: no attempt, no wait and no error. Those that wait for a budget already go first: each
-- `at_a_time` of them put it off by another `apart` seconds, so that they don't all come back at once.
UPDATE tasks
SET state = 'queued', lease_until = NULL, dispatched_at = NULL, attempt = attempt - 1, asides = asides + 1,
    run_at = now() + (%(delay)s + %(apart)s * (
        SELECT count(*) / %(at_a_time)s::integer FROM tasks w
        WHERE w.state = 'queued' AND w.kind = 'fetch' AND w.source = %(source)s AND w.asides > 0 AND w.run_at > now()
    )) * interval '1 second'
WHERE id = %(task)s;

-- name: attempt_of_task
-- The tries of a task since its last progress.
SELECT attempt FROM tasks WHERE id = %(task)s;

-- name: fail_task
-- No repetition helps, or none is left.
UPDATE tasks
SET state = 'failed', finished_at = now(), lease_until = NULL,
    errors = errors || jsonb_build_object('at', now(), 'attempt', attempt, 'detail', %(detail)s::text, 'followed', 'failed')
WHERE id = %(task)s;

-- name: cancel_running_tasks
-- Their job is to stop.
UPDATE tasks SET state = 'cancelled', finished_at = now(), lease_until = NULL WHERE id = ANY (%(tasks)s::bigint[]);

-- name: hand_back_tasks
-- A process that stops gives back what it holds, as if it had never claimed it; the old fence shuts its threads out.
WITH held AS (
    SELECT t.id FROM tasks t
    JOIN unnest(%(tasks)s::bigint[], %(fences)s::bigint[]) AS mine (id, fence) ON t.id = mine.id AND t.fence = mine.fence
    WHERE t.state = 'running'
    ORDER BY t.id
    FOR UPDATE OF t SKIP LOCKED
)
UPDATE tasks t SET state = 'queued', lease_until = NULL, attempt = attempt - 1, fence = fence + 1, run_at = now(), dispatched_at = now()
FROM held WHERE t.id = held.id
RETURNING t.id, t.kind, t.source;

-- name: take_back_lost_tasks
-- A lease ran out: its worker died or hangs. That was an attempt, so that a task which kills its workers comes to an end.
WITH lost AS (
    SELECT id FROM tasks WHERE state = 'running' AND lease_until < now() ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED
)
UPDATE tasks t
SET state = CASE WHEN attempt < max_attempts THEN 'queued' ELSE 'failed' END,
    finished_at = CASE WHEN attempt < max_attempts THEN NULL ELSE now() END,
    lease_until = NULL, dispatched_at = NULL, run_at = now(),
    errors = errors || jsonb_build_object('at', now(), 'attempt', attempt, 'detail', 'the worker was lost in mid-task',
                                          'followed', CASE WHEN attempt < max_attempts THEN 'lost' ELSE 'failed' END)
FROM lost WHERE t.id = lost.id
RETURNING t.id, t.job_id, t.kind, t.source, t.state;

-- name: dispatch_due_tasks
-- Mark what is due and was not rung (or, when the queue is nearly empty, was rung long ago) as rung now.
WITH due AS (
    SELECT id FROM tasks
    WHERE state = 'queued' AND run_at <= now()
      AND (dispatched_at IS NULL OR (%(again)s AND dispatched_at < now() - %(again_after)s * interval '1 second'))
    ORDER BY run_at, id
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
UPDATE tasks t SET dispatched_at = now() FROM due WHERE t.id = due.id
RETURNING t.id, t.kind, t.source;

-- name: sign_of_life
-- This worker process is alive.
INSERT INTO workers (id) VALUES (%(worker)s) ON CONFLICT (id) DO UPDATE SET seen_at = now();

-- name: forget_worker
-- This worker process has stopped.
DELETE FROM workers WHERE id = %(worker)s OR seen_at < now() - interval '1 hour';
