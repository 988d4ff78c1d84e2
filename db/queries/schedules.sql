-- name: lock_startup
-- Processes that start together decide one after the other whether the start's ingest is still to be made.
SELECT pg_advisory_xact_lock(7316400002);

-- name: started_lately
-- Whether some process of this start has already made its ingest.
SELECT EXISTS (SELECT FROM jobs WHERE slot LIKE 'startup:%%' AND created_at > now() - %(within)s * interval '1 second');

-- name: startup_slot
-- A name for this start of the program.
SELECT 'startup:' || extract(epoch FROM now());

-- name: keep_environment_schedule
-- INGEST_SCHEDULE names it, and when; what it has said before goes on. Pausing stays.
INSERT INTO schedules AS s (name, origin, kind, every, cron, next_run_at, created_by)
VALUES (%(source)s::text, 'environment', %(source)s::text, %(every)s::float8, %(cron)s::text, %(next)s, 'environment')
ON CONFLICT (origin, name) DO UPDATE
SET every = EXCLUDED.every, cron = EXCLUDED.cron, next_run_at = EXCLUDED.next_run_at
WHERE (s.every, s.cron) IS DISTINCT FROM (EXCLUDED.every, EXCLUDED.cron);

-- name: drop_environment_schedules
-- INGEST_SCHEDULE names them no longer.
DELETE FROM schedules WHERE origin = 'environment' AND name <> ALL (%(sources)s::text[]);

-- name: due_schedules
-- What is due, and what time it is; another process that starts them at this moment is left to it.
SELECT id, origin, kind, params, every, cron, next_run_at, now()
FROM schedules
WHERE NOT paused AND next_run_at <= now()
ORDER BY next_run_at, id
LIMIT 20
FOR UPDATE SKIP LOCKED;

-- name: environment_slot
-- The name of a slot of INGEST_SCHEDULE, as the releases before schedules were kept spell it: in a rolling upgrade both start them.
SELECT 'schedule:' || %(source)s::text || ':' || %(number)s::bigint || ':' || %(every)s::float8::text;

-- name: schedule_ran
-- Its slot, and all that were missed before, are over; no job when another release has made it.
UPDATE schedules
SET next_run_at = %(next)s, last_run_at = now(), last_job_id = coalesce(%(job)s::bigint, last_job_id)
WHERE id = %(schedule)s;

-- name: schedules
-- All of them, or one: those of INGEST_SCHEDULE first, then by name.
SELECT id, name, origin, kind, params, every, cron, paused, next_run_at, last_run_at, last_job_id,
       (SELECT state FROM jobs WHERE jobs.id = last_job_id), created_by, created_at
FROM schedules
WHERE %(schedule)s::bigint IS NULL OR id = %(schedule)s
ORDER BY origin DESC, name, id;

-- name: lock_schedule
-- One, as it is now and stays for this transaction; and what time it is.
SELECT origin, every, cron, now() FROM schedules WHERE id = %(schedule)s FOR UPDATE;

-- name: insert_schedule
-- A new one by the API; no row when the name is taken.
INSERT INTO schedules (name, origin, kind, params, every, cron, next_run_at, created_by)
VALUES (%(name)s, 'api', %(kind)s, %(params)s, %(every)s, %(cron)s, %(next)s, %(by)s)
ON CONFLICT (origin, name) DO NOTHING
RETURNING id;

-- name: change_schedule
-- What it ingests and when; each but what is null.
UPDATE schedules
SET name = coalesce(%(name)s, name),
    kind = coalesce(%(kind)s, kind),
    params = coalesce(%(params)s, params),
    every = CASE WHEN %(timed)s THEN %(every)s::float8 ELSE every END,
    cron = CASE WHEN %(timed)s THEN %(cron)s::text ELSE cron END,
    next_run_at = coalesce(%(next)s, next_run_at)
WHERE id = %(schedule)s;

-- name: pause_schedule
-- It starts nothing from now on.
UPDATE schedules SET paused = true WHERE id = %(schedule)s;

-- name: resume_schedule
-- It goes on with the slot to come: what was left out while it was paused stays left out.
UPDATE schedules SET paused = false, next_run_at = CASE WHEN paused THEN %(next)s ELSE next_run_at END
WHERE id = %(schedule)s;

-- name: delete_schedule
-- It starts nothing any more; its jobs stay.
DELETE FROM schedules WHERE id = %(schedule)s;

-- name: find_schedule_of_key
-- What was asked under this key before, and the schedule that it was about.
SELECT request_hash, schedule_id FROM idempotency_keys WHERE principal = %(principal)s AND key = %(key)s;

-- name: insert_schedule_key
-- Remember which schedule a key was about.
INSERT INTO idempotency_keys (principal, key, request_hash, schedule_id)
VALUES (%(principal)s, %(key)s, %(request_hash)s, %(schedule)s);

-- name: time_now
-- The database's clock.
SELECT now();
