-- name: lock_startup
-- Processes that start together decide one after the other whether the start's ingest is still to be made.
SELECT pg_advisory_xact_lock(7316400002);

-- name: started_lately
-- Whether some process of this start has already made its ingest.
SELECT EXISTS (SELECT FROM jobs WHERE slot LIKE 'startup:%%' AND created_at > now() - %(within)s * interval '1 second');

-- name: startup_slot
-- A name for this start of the program.
SELECT 'startup:' || extract(epoch FROM now());

-- name: current_slot
-- The name of the running slot of a schedule, by the database's clock.
SELECT 'schedule:' || %(source)s::text || ':' || floor(extract(epoch FROM now()) / %(every)s)::bigint || ':' || %(every)s::text;

-- name: slot_is_taken
-- Whether a slot has its job, so that most ticks write nothing.
SELECT EXISTS (SELECT FROM jobs WHERE slot = %(slot)s);
