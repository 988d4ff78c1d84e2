-- name: has_schema
-- Whether any migration has ever run here.
SELECT to_regclass('schema_migrations') IS NOT NULL;

-- name: schema_version
-- The last migration that ran.
SELECT coalesce(max(number), 0) FROM schema_migrations;

-- name: workers_alive
-- Worker processes that gave a sign of life within these seconds.
SELECT count(*) FROM workers WHERE seen_at > now() - %(within)s * interval '1 second';

-- name: oldest_waiting
-- By queue, for how many seconds the longest-waiting due task has been due.
SELECT CASE kind WHEN 'fetch' THEN 'fetch' ELSE 'normalize' END, extract(epoch FROM now() - min(run_at))::float8
FROM tasks WHERE state = 'queued' AND run_at <= now() GROUP BY 1;

-- name: source_freshness
-- By source, when its last good fetch ended, how long ago that was, and the latest failure among its recent fetches.
SELECT source.name, good.finished_at, extract(epoch FROM now() - good.finished_at)::float8, bad.at, bad.detail
FROM unnest(%(sources)s::text[]) WITH ORDINALITY AS source (name, place)
LEFT JOIN LATERAL (
    SELECT finished_at FROM tasks t
    WHERE t.kind = 'fetch' AND t.source = source.name AND t.state = 'succeeded'
    ORDER BY finished_at DESC LIMIT 1
) AS good ON true
LEFT JOIN LATERAL (
    SELECT (recent.errors -> -1 ->> 'at')::timestamptz AS at, recent.errors -> -1 ->> 'detail' AS detail
    FROM (
        SELECT errors FROM tasks t WHERE t.kind = 'fetch' AND t.source = source.name ORDER BY finished_at DESC LIMIT 200
    ) AS recent
    WHERE recent.errors <> '[]'
    ORDER BY 1 DESC LIMIT 1
) AS bad ON true
ORDER BY source.place;
