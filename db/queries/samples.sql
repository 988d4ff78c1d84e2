-- name: take_sample
-- How the queues are, once in ten seconds over all processes: tasks that ended are those that the row before had not seen.
WITH moment AS (
    SELECT date_bin('10 seconds', now(), 'epoch') AS taken_at, pg_current_snapshot() AS snapshot,
           (SELECT count(*) FROM workers WHERE seen_at > now() - %(within)s * interval '1 second') AS workers,
           (SELECT snapshot FROM queue_samples ORDER BY taken_at DESC LIMIT 1) AS before
), free AS (
    SELECT * FROM moment WHERE NOT EXISTS (SELECT FROM queue_samples s WHERE s.taken_at = moment.taken_at)
), open AS (
    SELECT CASE kind WHEN 'fetch' THEN 'fetch' ELSE 'normalize' END AS queue,
           count(*) FILTER (WHERE state = 'queued' AND run_at <= now()) AS ready,
           count(*) FILTER (WHERE state = 'running') AS in_flight,
           count(*) FILTER (WHERE state = 'queued' AND run_at > now()) AS later,
           extract(epoch FROM now() - min(run_at) FILTER (WHERE state = 'queued' AND run_at <= now())) AS oldest
    FROM tasks WHERE state IN ('queued', 'running') GROUP BY 1
), ended AS (
    SELECT CASE kind WHEN 'fetch' THEN 'fetch' ELSE 'normalize' END AS queue,
           count(*) FILTER (WHERE state = 'succeeded') AS succeeded, count(*) FILTER (WHERE state = 'failed') AS failed
    FROM free JOIN tasks ON changed >= pg_snapshot_xmin(free.before) AND changed < pg_snapshot_xmax(free.snapshot)
                        AND NOT pg_visible_in_snapshot(changed, free.before)
    GROUP BY 1
)
INSERT INTO queue_samples
    (taken_at, queue, ready, in_flight, later, oldest, succeeded, failed, workers, snapshot)
SELECT free.taken_at, name, coalesce(open.ready, 0), coalesce(open.in_flight, 0), coalesce(open.later, 0), open.oldest,
       coalesce(ended.succeeded, 0), coalesce(ended.failed, 0), free.workers, free.snapshot
FROM free CROSS JOIN unnest(%(queues)s::text[]) AS queue (name)
LEFT JOIN open ON open.queue = name
LEFT JOIN ended ON ended.queue = name
ORDER BY name
ON CONFLICT DO NOTHING;

-- name: prune_samples
-- Samples are kept for a day.
DELETE FROM queue_samples WHERE taken_at < now() - interval '1 day';

-- name: samples_since
-- The samples of the last so many seconds, the oldest first.
SELECT taken_at, queue, ready, in_flight, later, oldest, succeeded, failed, workers
FROM queue_samples
WHERE taken_at > now() - %(seconds)s * interval '1 second'
ORDER BY taken_at, queue;
