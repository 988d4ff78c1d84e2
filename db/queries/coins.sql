-- name: page_in_order
-- The keys of all coins that the filters leave, in order, 4 bytes each; a page of their records; and of which data.
WITH ordered AS MATERIALIZED (
    -- taken in the order of what is below, and so sorted once
    SELECT coalesce(array_agg(coin_key), ARRAY[]::integer[]) AS keys, coalesce(string_agg(int4send(coin_key), ''), '') AS bytes
    FROM (
        SELECT coin_key
        FROM cryptocurrencies
        WHERE (%(source)s::text IS NULL OR source = %(source)s)
          AND (%(symbol)s::text IS NULL OR lower(symbol) = lower(%(symbol)s))
          AND (%(canonical_id)s::text IS NULL OR canonical_id = %(canonical_id)s)
          AND (%(like)s::text IS NULL OR symbol ILIKE %(like)s OR name ILIKE %(like)s OR canonical_id ILIKE %(like)s)
        ORDER BY {order}, canonical_id
    ) AS found
)
SELECT data_version(),
       (SELECT coalesce(json_agg(each), '[]')::text FROM (
           SELECT c.canonical_id, c.symbol, c.name, c.price, c.market_cap, c.volume_24h, c.price_change_24h, c.rank,
                  c.circulating_supply, c.total_supply, c.max_supply, c.source, c.last_updated, c.time_assumed, c.flags,
                  c.provenance
           FROM unnest((SELECT keys[%(offset)s::integer + 1:%(offset)s::integer + %(page_size)s::integer] FROM ordered))
                WITH ORDINALITY AS o (coin_key, place)
           JOIN cryptocurrencies c USING (coin_key)
           ORDER BY o.place
       ) AS each),
       (SELECT bytes FROM ordered);

-- name: page_of_largest
-- A page of all coins, the largest first, out of the index of that order; how many coins there are; and of which data.
SELECT data_version(),
       (SELECT coalesce(json_agg(each), '[]')::text FROM (
           SELECT canonical_id, symbol, name, price, market_cap, volume_24h, price_change_24h, rank, circulating_supply,
                  total_supply, max_supply, source, last_updated, time_assumed, flags, provenance
           FROM cryptocurrencies
           ORDER BY market_cap DESC NULLS LAST, canonical_id
           LIMIT %(page_size)s OFFSET %(offset)s
       ) AS each),
       (SELECT coalesce(sum(coins), 0)::bigint FROM market_totals);

-- name: page_of_keys
-- The records of these coins, in this order, and of which data.
SELECT data_version(),
       (SELECT coalesce(json_agg(each), '[]')::text FROM (
           SELECT c.canonical_id, c.symbol, c.name, c.price, c.market_cap, c.volume_24h, c.price_change_24h, c.rank,
                  c.circulating_supply, c.total_supply, c.max_supply, c.source, c.last_updated, c.time_assumed, c.flags,
                  c.provenance
           FROM unnest(%(keys)s::integer[]) WITH ORDINALITY AS o (coin_key, place)
           JOIN cryptocurrencies c USING (coin_key)
           ORDER BY o.place
       ) AS each);

-- name: one_coin
-- A golden record with the latest quote of each source and id, and how each came to be this coin; and of which data.
SELECT data_version(), row_to_json(coin)::text
FROM (
    SELECT c.canonical_id, c.symbol, c.name, c.price, c.market_cap, c.volume_24h, c.price_change_24h, c.rank,
           c.circulating_supply, c.total_supply, c.max_supply, c.source, c.last_updated, c.time_assumed, c.flags,
           c.provenance,
           (SELECT coalesce(json_agg(DISTINCT m.source), '[]') FROM source_mappings m WHERE m.coin_key = c.coin_key) AS sources,
           (SELECT coalesce(json_agg(each), '[]') FROM (
               SELECT m.source, m.source_id, m.relation, q.price, q.market_cap, q.volume_24h, q.price_change_24h,
                      q.high_24h, q.low_24h, q.circulating_supply, q.total_supply, q.max_supply, q.rank,
                      q.observed_at, q.time_assumed, q.fetched_at, q.flags
               FROM source_mappings m JOIN quotes q USING (mapping_key)
               WHERE m.coin_key = c.coin_key
               ORDER BY m.source, m.relation, m.source_id
           ) AS each) AS quotes,
           (SELECT coalesce(json_agg(each), '[]') FROM (
               SELECT m.source, m.source_id, m.symbol, m.name, m.relation, m.matched_by, m.first_seen,
                      q.fetched_at AS last_seen
               FROM source_mappings m LEFT JOIN quotes q USING (mapping_key)
               WHERE m.coin_key = c.coin_key
               ORDER BY m.source, m.relation, m.source_id
           ) AS each) AS mappings
    FROM cryptocurrencies c
    WHERE c.canonical_id = %(canonical_id)s
) AS coin;

-- name: market_stats
-- Totals over all coins, without those whose figures can't be right; and of which data. What totals were before leaves
-- zeros behind a sum's digits, which are taken off.
WITH totals AS (
    SELECT coalesce(sum(coins), 0)::bigint AS coins, trim_scale(coalesce(sum(market_cap), 0)) AS market_cap,
           trim_scale(sum(price)) AS price, sum(priced) AS priced
    FROM market_totals
)
SELECT data_version(), row_to_json(stats)::text
FROM (
    SELECT totals.coins AS total_coins, totals.market_cap AS total_market_cap,
           totals.price / nullif(totals.priced, 0) AS average_price,
           (SELECT coalesce(json_agg(each), '[]') FROM (
               SELECT symbol, name, price_change_24h, canonical_id FROM cryptocurrencies
               WHERE flags = '{}' AND price_change_24h > 0 ORDER BY price_change_24h DESC, canonical_id LIMIT 5
           ) AS each) AS top_gainers,
           (SELECT coalesce(json_agg(each), '[]') FROM (
               SELECT symbol, name, price_change_24h, canonical_id FROM cryptocurrencies
               WHERE flags = '{}' AND price_change_24h < 0 ORDER BY price_change_24h, canonical_id LIMIT 5
           ) AS each) AS top_losers
    FROM totals
) AS stats;

-- name: count_coins
-- How many golden records there are.
SELECT count(*) FROM cryptocurrencies;

-- name: give_up_on_locks
-- Rather fail than let every reader stand in line behind a lock that is hard to get.
SET LOCAL lock_timeout = '2s';
