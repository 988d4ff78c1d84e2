-- name: lock_counted
-- Whoever holds this row counts; no row: another process is at it, or was just now.
SELECT FROM counted WHERE counted_at < now() - %(apart)s * interval '1 second' FOR UPDATE SKIP LOCKED;

-- name: count_ended_tasks
-- Add every task that ended since the last count, once: those that the snapshot taken then had not seen.
WITH moment AS MATERIALIZED (
    SELECT snapshot AS before, pg_current_snapshot() AS snapshot FROM counted
), noted AS (
    UPDATE counted SET snapshot = moment.snapshot, counted_at = now() FROM moment
), ended AS MATERIALIZED (
    SELECT t.id, t.job_id, t.kind, t.source, t.state, t.rows, t.rejected, t.errors, t.asides,
           (SELECT count(DISTINCT coin) FROM unnest(t.coins) AS coin) AS stored,
           extract(epoch FROM t.started_at - t.created_at)::float8 AS waited,
           extract(epoch FROM t.finished_at - t.started_at)::float8 AS took
    FROM moment JOIN tasks t ON t.changed >= pg_snapshot_xmin(moment.before)
                            AND t.changed < pg_snapshot_xmax(moment.snapshot)
                            AND NOT pg_visible_in_snapshot(t.changed, moment.before)
    WHERE t.state IN ('succeeded', 'failed', 'cancelled')
), times AS (
    SELECT 'task_wait_seconds' AS name, kind, waited AS seconds FROM ended WHERE waited IS NOT NULL
    UNION ALL
    SELECT 'task_duration_seconds', kind, took FROM ended WHERE took IS NOT NULL
), one (name, labels, value) AS (
    SELECT 'tasks_ended', jsonb_build_array(kind, source, state), 1 FROM ended
    UNION ALL
    -- a job ends in the transaction of its last task
    SELECT 'jobs_ended', jsonb_build_array(kind, state), 1
    FROM jobs WHERE finished_at IS NOT NULL AND id IN (SELECT job_id FROM ended)
    UNION ALL
    SELECT 'task_retries', jsonb_build_array(ended.kind, ended.source, error.followed), 1
    FROM ended, jsonb_to_recordset(ended.errors) AS error (followed text)
    WHERE error.followed IN ('retry', 'wait', 'lost')
    UNION ALL
    SELECT 'task_retries', jsonb_build_array(kind, source, 'aside'), asides FROM ended WHERE asides > 0
    UNION ALL
    SELECT 'rows', jsonb_build_array(source, outcome), rows
    FROM (SELECT source, stored, rejected, rows - rejected - stored AS merged FROM ended
          WHERE kind = 'normalize' AND state = 'succeeded') AS page,
         LATERAL (VALUES ('stored', stored), ('rejected', rejected), ('merged', merged)) AS came (outcome, rows)
    UNION ALL
    SELECT name, jsonb_build_array(kind, coalesce((%(bounds)s::float8[])[width_bucket(seconds, %(bounds)s::float8[]) + 1]::text,
                                                  '+Inf')), 1
    FROM times
    UNION ALL
    SELECT name || '_sum', jsonb_build_array(kind), seconds FROM times
)
INSERT INTO counters (name, labels, value)
SELECT name, labels, sum(value) FROM one GROUP BY name, labels ORDER BY name, labels
ON CONFLICT (name, labels) DO UPDATE SET value = counters.value + excluded.value;

-- name: add_to_counters
-- Add what a process counted by itself; in the keys' order, so that processes can't deadlock.
INSERT INTO counters (name, labels, value)
SELECT name, labels, value FROM unnest(%(names)s::text[], %(labels)s::jsonb[], %(values)s::float8[]) AS c (name, labels, value)
ORDER BY name, labels
ON CONFLICT (name, labels) DO UPDATE SET value = counters.value + excluded.value;

-- name: read_counters
-- Everything that was counted.
SELECT name, labels, value FROM counters ORDER BY name, labels;

-- name: open_tasks
-- By queue: tasks that are due and wait, that somebody works on, whose time is to come, and the longest wait in seconds.
SELECT CASE kind WHEN 'fetch' THEN 'fetch' ELSE 'normalize' END,
       count(*) FILTER (WHERE state = 'queued' AND run_at <= now()),
       count(*) FILTER (WHERE state = 'running'),
       count(*) FILTER (WHERE state = 'queued' AND run_at > now()),
       coalesce(extract(epoch FROM now() - min(run_at) FILTER (WHERE state = 'queued' AND run_at <= now())), 0)::float8
FROM tasks WHERE state IN ('queued', 'running') GROUP BY 1;

-- name: open_jobs
-- Jobs that have not ended, by state; found by their open tasks, of which there is an index.
SELECT state, count(*) FROM jobs WHERE id IN (SELECT job_id FROM tasks WHERE state IN ('queued', 'running'))
GROUP BY state;
