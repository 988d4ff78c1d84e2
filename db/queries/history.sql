-- name: key_of_coin
-- A coin's key.
SELECT coin_key FROM cryptocurrencies WHERE canonical_id = %(canonical_id)s;

-- name: page_of_observations
-- A page of what was observed of a coin, in the order of time, in the list's envelope; figures keep their digits.
WITH matching AS NOT MATERIALIZED (
    SELECT m.source, m.source_id, m.relation, h.observed_at, h.time_assumed, h.price, h.market_cap, h.volume_24h
    FROM source_mappings m JOIN price_history h USING (mapping_key)
    WHERE m.coin_key = %(coin)s
      AND (%(source)s::text IS NULL OR m.source = %(source)s)
      AND (%(begin)s::timestamptz IS NULL OR h.observed_at >= %(begin)s)
      AND (%(until)s::timestamptz IS NULL OR h.observed_at < %(until)s)
), page AS (
    SELECT * FROM matching ORDER BY observed_at, source, source_id LIMIT %(page_size)s::bigint OFFSET %(offset)s::bigint
), counted AS (
    SELECT count(*) AS total FROM matching
)
SELECT row_to_json(envelope)::text
FROM (
    SELECT (SELECT coalesce(json_agg(page), '[]') FROM page) AS data,
           %(page)s::bigint AS page, %(page_size)s::bigint AS page_size, counted.total,
           (counted.total + %(page_size)s::bigint - 1) / %(page_size)s::bigint AS total_pages
    FROM counted
) AS envelope;

-- name: page_of_candles
-- A page of a coin's prices by hour or day: in each the native ids' best one by priority, then the one seen last.
WITH observed AS (
    SELECT date_bin(%(every)s::interval, h.observed_at, 'epoch') AS start, m.source, m.source_id,
           coalesce(p.priority, 0) AS priority, h.observed_at, h.price, h.market_cap, h.volume_24h
    FROM source_mappings m
    JOIN price_history h USING (mapping_key)
    LEFT JOIN unnest(%(sources)s::text[], %(priorities)s::integer[]) AS p (source, priority) USING (source)
    WHERE m.coin_key = %(coin)s
      AND (%(source)s::text IS NULL OR m.source = %(source)s)
      -- a wrapped coin's prices are its own: they count only where there is no native id at all
      AND m.relation = (SELECT min(o.relation) FROM source_mappings o
                        WHERE o.coin_key = %(coin)s AND (%(source)s::text IS NULL OR o.source = %(source)s))
      AND h.price IS NOT NULL
      AND (%(begin)s::timestamptz IS NULL OR h.observed_at >= %(begin)s)
      AND (%(until)s::timestamptz IS NULL OR h.observed_at < %(until)s::timestamptz + %(every)s::interval)
), by_id AS (
    SELECT start, source, source_id, priority, max(observed_at) AS last_at,
           (array_agg(price ORDER BY observed_at))[1] AS open, max(price) AS high, min(price) AS low,
           (array_agg(price ORDER BY observed_at DESC))[1] AS close, avg(price) AS average,
           (array_agg(market_cap ORDER BY observed_at DESC) FILTER (WHERE market_cap IS NOT NULL))[1] AS market_cap,
           (array_agg(volume_24h ORDER BY observed_at DESC) FILTER (WHERE volume_24h IS NOT NULL))[1] AS volume_24h,
           count(*) AS observations
    FROM observed
    -- an hour or day belongs to the range in which it begins, and is then whole
    WHERE (%(begin)s::timestamptz IS NULL OR start >= %(begin)s) AND (%(until)s::timestamptz IS NULL OR start < %(until)s::timestamptz)
    GROUP BY start, source, source_id, priority
), matching AS (
    SELECT DISTINCT ON (start)
           start, source, source_id, open, high, low, close, average, market_cap, volume_24h, observations
    FROM by_id
    ORDER BY start, priority DESC, last_at DESC, source_id, source
), page AS (
    SELECT * FROM matching ORDER BY start LIMIT %(page_size)s::bigint OFFSET %(offset)s::bigint
), counted AS (
    SELECT count(*) AS total FROM matching
)
SELECT row_to_json(envelope)::text
FROM (
    SELECT (SELECT coalesce(json_agg(page), '[]') FROM page) AS data,
           %(page)s::bigint AS page, %(page_size)s::bigint AS page_size, counted.total,
           (counted.total + %(page_size)s::bigint - 1) / %(page_size)s::bigint AS total_pages
    FROM counted
) AS envelope;

-- name: prune_history
-- Observations past their age, in a bite; how many there were.
WITH bite AS (
    DELETE FROM price_history WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM price_history WHERE observed_at < now() - %(age)s * interval '1 second' LIMIT %(most)s
    ))
    RETURNING 1
)
SELECT count(*) FROM bite;
