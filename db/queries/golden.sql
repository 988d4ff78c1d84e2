-- name: lock_coins
-- Coins are locked in key order before their quotes are read: of two sources at once the second sees the first's quote.
SELECT FROM cryptocurrencies WHERE coin_key = ANY(%(coins)s) ORDER BY coin_key FOR NO KEY UPDATE;

-- name: merge_lone_records
-- A coin that a single id quotes needs no ranking: its record is that quote. Most coins are such.
WITH lone AS (
    -- Counted, not anti-joined: with statistics the planner expects one row of that, and looks at all coins for each.
    SELECT m.coin_key, min(m.mapping_key) AS mapping_key
    FROM unnest(%(coins)s::integer[]) AS wanted (coin_key) JOIN source_mappings m USING (coin_key)
    GROUP BY m.coin_key HAVING count(*) = 1
)
UPDATE cryptocurrencies c
SET symbol = upper(CASE WHEN m.relation = 'same' AND m.symbol <> '' THEN m.symbol ELSE c.symbol END),
    name = CASE WHEN m.relation = 'same' AND m.name <> '' THEN m.name ELSE c.name END,
    price = q.price, market_cap = q.market_cap, volume_24h = q.volume_24h, price_change_24h = q.price_change_24h,
    circulating_supply = q.circulating_supply, total_supply = q.total_supply, max_supply = q.max_supply, rank = q.rank,
    source = m.source, last_updated = q.observed_at, time_assumed = q.time_assumed, flags = q.flags,
    provenance = jsonb_strip_nulls(jsonb_build_object(
        'price', CASE WHEN q.price IS NOT NULL THEN m.source END,
        'market_cap', CASE WHEN q.market_cap IS NOT NULL THEN m.source END,
        'volume_24h', CASE WHEN q.volume_24h IS NOT NULL THEN m.source END,
        'price_change_24h', CASE WHEN q.price_change_24h IS NOT NULL THEN m.source END,
        'circulating_supply', CASE WHEN q.circulating_supply IS NOT NULL THEN m.source END,
        'total_supply', CASE WHEN q.total_supply IS NOT NULL THEN m.source END,
        'max_supply', CASE WHEN q.max_supply IS NOT NULL THEN m.source END,
        'rank', CASE WHEN q.rank IS NOT NULL THEN m.source END))
FROM lone l JOIN source_mappings m USING (mapping_key) JOIN quotes q USING (mapping_key)
WHERE c.coin_key = l.coin_key
RETURNING c.coin_key;

-- name: merge_golden_records
-- Each coin's record from its best quote, as ranked_quotes ranks them; gaps are filled from the next.
WITH ranked AS (
    SELECT * FROM ranked_quotes(%(coins)s::integer[], %(sources)s::text[], %(priorities)s::integer[],
                                %(stale_after)s::double precision)
), golden AS (
    SELECT coin_key,
           -- the winner's own, out of the same pass: joined to `ranked` again they cost a plan that is quadratic
           max(source) FILTER (WHERE place = 1) AS source, max(observed_at) FILTER (WHERE place = 1) AS observed_at,
           bool_or(time_assumed) FILTER (WHERE place = 1) AS time_assumed, max(flags) FILTER (WHERE place = 1) AS flags,
           (array_agg(symbol ORDER BY place) FILTER (WHERE relation = 'same' AND symbol <> ''))[1] AS symbol,
           (array_agg(name ORDER BY place) FILTER (WHERE relation = 'same' AND name <> ''))[1] AS name,
           (array_agg(price ORDER BY place) FILTER (WHERE fills AND price IS NOT NULL))[1] AS price,
           (array_agg(source ORDER BY place) FILTER (WHERE fills AND price IS NOT NULL))[1] AS price_from,
           (array_agg(market_cap ORDER BY place) FILTER (WHERE fills AND market_cap IS NOT NULL))[1] AS market_cap,
           (array_agg(source ORDER BY place) FILTER (WHERE fills AND market_cap IS NOT NULL))[1] AS market_cap_from,
           (array_agg(volume_24h ORDER BY place) FILTER (WHERE fills AND volume_24h IS NOT NULL))[1] AS volume_24h,
           (array_agg(source ORDER BY place) FILTER (WHERE fills AND volume_24h IS NOT NULL))[1] AS volume_24h_from,
           (array_agg(price_change_24h ORDER BY place) FILTER (WHERE fills AND price_change_24h IS NOT NULL))[1]
               AS price_change_24h,
           (array_agg(source ORDER BY place) FILTER (WHERE fills AND price_change_24h IS NOT NULL))[1]
               AS price_change_24h_from,
           (array_agg(circulating_supply ORDER BY place) FILTER (WHERE fills AND circulating_supply IS NOT NULL))[1]
               AS circulating_supply,
           (array_agg(source ORDER BY place) FILTER (WHERE fills AND circulating_supply IS NOT NULL))[1]
               AS circulating_supply_from,
           (array_agg(total_supply ORDER BY place) FILTER (WHERE fills AND total_supply IS NOT NULL))[1] AS total_supply,
           (array_agg(source ORDER BY place) FILTER (WHERE fills AND total_supply IS NOT NULL))[1] AS total_supply_from,
           (array_agg(max_supply ORDER BY place) FILTER (WHERE fills AND max_supply IS NOT NULL))[1] AS max_supply,
           (array_agg(source ORDER BY place) FILTER (WHERE fills AND max_supply IS NOT NULL))[1] AS max_supply_from,
           (array_agg(rank ORDER BY place) FILTER (WHERE fills AND rank IS NOT NULL))[1] AS rank,
           (array_agg(source ORDER BY place) FILTER (WHERE fills AND rank IS NOT NULL))[1] AS rank_from
    FROM ranked
    GROUP BY coin_key
)
UPDATE cryptocurrencies c
SET symbol = upper(coalesce(g.symbol, c.symbol)), name = coalesce(g.name, c.name),
    price = g.price, market_cap = g.market_cap, volume_24h = g.volume_24h, price_change_24h = g.price_change_24h,
    circulating_supply = g.circulating_supply, total_supply = g.total_supply, max_supply = g.max_supply, rank = g.rank,
    source = g.source, last_updated = g.observed_at, time_assumed = g.time_assumed, flags = g.flags,
    provenance = jsonb_strip_nulls(jsonb_build_object(
        'price', g.price_from, 'market_cap', g.market_cap_from, 'volume_24h', g.volume_24h_from,
        'price_change_24h', g.price_change_24h_from, 'circulating_supply', g.circulating_supply_from,
        'total_supply', g.total_supply_from, 'max_supply', g.max_supply_from, 'rank', g.rank_from))
FROM golden g
WHERE c.coin_key = g.coin_key;

-- name: clear_data
-- Every coin, quote, mapping and observation; jobs stay, as the record of what was done.
TRUNCATE cryptocurrencies, redirects, source_mappings, quotes, price_history;
