-- name: rest_of_source
-- For how many seconds a source is still to rest, 0 or less when that is over; no row when it is not resting.
SELECT extract(epoch FROM resting_until - now())::float8 FROM sources WHERE name = %(source)s AND resting_until IS NOT NULL;

-- name: lock_rest
-- The same, 0 without a rest; whoever ends or prolongs it then has to wait, and finds who was put back meanwhile.
SELECT greatest(extract(epoch FROM resting_until - now())::float8, 0) FROM sources WHERE name = %(source)s FOR SHARE;

-- name: try_rested_source
-- The rest is over: who gets the row tries the source, and the others wait some seconds more for what comes of it.
UPDATE sources SET resting_until = now() + %(trial)s * interval '1 second'
WHERE name = %(source)s AND resting_until <= now()
RETURNING name;

-- name: source_failed
-- Another fetch failed for good.
INSERT INTO sources (name, failures) VALUES (%(source)s, 1)
ON CONFLICT (name) DO UPDATE SET failures = sources.failures + 1
RETURNING failures;

-- name: failures_while_resting
-- How many fetches in a row have failed of a source that rests, or is being tried after a rest; else no row.
SELECT failures FROM sources WHERE name = %(source)s AND resting_until IS NOT NULL;

-- name: let_source_rest
-- From now on, for some seconds.
UPDATE sources SET resting_until = now() + %(rest)s * interval '1 second' WHERE name = %(source)s;

-- name: source_works
-- It answered: nothing is held against it. A row when anything was, saying whether it had been resting.
WITH before AS (
    SELECT name, resting_until IS NOT NULL AS rested FROM sources
    WHERE name = %(source)s AND (failures > 0 OR resting_until IS NOT NULL)
    FOR UPDATE
), cleared AS (
    UPDATE sources s SET failures = 0, resting_until = NULL FROM before WHERE s.name = before.name
)
SELECT rested FROM before;

-- name: wake_fetches
-- Fetches of a source that were set aside before their first request need wait no longer than these seconds.
WITH aside AS (
    SELECT id FROM tasks
    WHERE state = 'queued' AND kind = 'fetch' AND source = %(source)s AND asides > 0 AND attempt = 0
      AND run_at > now() + %(seconds)s * interval '1 second'
    ORDER BY id
    FOR UPDATE SKIP LOCKED
)
UPDATE tasks t SET run_at = now() + %(seconds)s * interval '1 second' FROM aside WHERE t.id = aside.id;

-- name: resting_sources
-- Until when each source rests that does.
SELECT name, resting_until FROM sources WHERE resting_until > now();
