-- name: page_in_order
-- The keys of all coins that the filters leave, in order, 4 bytes each; a page of their records; and of which data.
WITH ordered AS MATERIALIZED (
    SELECT coin_key, row_number() OVER (ORDER BY {order}, canonical_id) AS place
    FROM cryptocurrencies
    WHERE (%(source)s::text IS NULL OR source = %(source)s)
      AND (%(symbol)s::text IS NULL OR lower(symbol) = lower(%(symbol)s))
      AND (%(canonical_id)s::text IS NULL OR canonical_id = %(canonical_id)s)
      AND (%(like)s::text IS NULL OR symbol ILIKE %(like)s OR name ILIKE %(like)s OR canonical_id ILIKE %(like)s)
)
SELECT data_version(),
       (SELECT coalesce(json_agg(each), '[]')::text FROM (
           SELECT c.canonical_id, c.symbol, c.name, c.price, c.market_cap, c.volume_24h, c.price_change_24h, c.rank,
                  c.circulating_supply, c.total_supply, c.max_supply, c.source, c.last_updated, c.time_assumed, c.flags,
                  c.provenance
           FROM ordered o JOIN cryptocurrencies c USING (coin_key)
           WHERE o.place BETWEEN %(offset)s::bigint + 1 AND %(offset)s::bigint + %(page_size)s::bigint
           ORDER BY o.place
       ) AS each),
       (SELECT coalesce(string_agg(int4send(coin_key), '' ORDER BY place), '') FROM ordered);

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
-- Totals over all coins, without those whose figures can't be right; and of which data.
WITH sound AS NOT MATERIALIZED (SELECT * FROM cryptocurrencies WHERE flags = '{}')
SELECT data_version(), row_to_json(stats)::text
FROM (
    SELECT count(*) AS total_coins,
           coalesce(sum(market_cap) FILTER (WHERE flags = '{}'), 0) AS total_market_cap,
           avg(price) FILTER (WHERE flags = '{}') AS average_price,
           (SELECT coalesce(json_agg(each), '[]') FROM (
               SELECT symbol, name, price_change_24h, canonical_id FROM sound
               WHERE price_change_24h > 0 ORDER BY price_change_24h DESC, canonical_id LIMIT 5
           ) AS each) AS top_gainers,
           (SELECT coalesce(json_agg(each), '[]') FROM (
               SELECT symbol, name, price_change_24h, canonical_id FROM sound
               WHERE price_change_24h < 0 ORDER BY price_change_24h, canonical_id LIMIT 5
           ) AS each) AS top_losers
    FROM cryptocurrencies
) AS stats;

-- name: count_coins
-- How many golden records there are.
SELECT count(*) FROM cryptocurrencies;

-- name: give_up_on_locks
-- Rather fail than let every reader stand in line behind a lock that is hard to get.
SET LOCAL lock_timeout = '2s';
