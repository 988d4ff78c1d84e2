-- name: one_snapshot
-- All that this transaction reads is of one moment, and it writes nothing.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;

-- name: limits_of_an_export
-- Who stops reading in the middle loses the transaction, and a piece that takes too long is given up.
SELECT set_config('idle_in_transaction_session_timeout', %(idle)s, true), set_config('statement_timeout', %(piece)s, true);

-- name: export_coins
-- Golden records.
SELECT c.canonical_id, c.symbol, c.name, c.price, c.market_cap, c.volume_24h, c.price_change_24h, c.rank,
       c.circulating_supply, c.total_supply, c.max_supply, c.source, c.last_updated, c.time_assumed, c.flags,
       c.provenance
FROM cryptocurrencies c
WHERE (%(source)s::text IS NULL OR c.source = %(source)s)
  AND (%(symbol)s::text IS NULL OR lower(c.symbol) = lower(%(symbol)s))
  AND (%(canonical_id)s::text IS NULL OR c.canonical_id = %(canonical_id)s)
  AND (%(like)s::text IS NULL OR c.symbol ILIKE %(like)s OR c.name ILIKE %(like)s OR c.canonical_id ILIKE %(like)s)
ORDER BY c.canonical_id;

-- name: export_quotes
-- The latest quote of every source and id, with the coin that it is.
SELECT c.canonical_id, m.source, m.source_id, m.symbol, m.name, m.relation, m.matched_by, q.price, q.market_cap,
       q.volume_24h, q.price_change_24h, q.high_24h, q.low_24h, q.circulating_supply, q.total_supply, q.max_supply,
       q.rank, q.observed_at, q.time_assumed, q.fetched_at, q.flags
FROM quotes q JOIN source_mappings m USING (mapping_key) JOIN cryptocurrencies c USING (coin_key)
WHERE (%(source)s::text IS NULL OR m.source = %(source)s)
  AND (%(symbol)s::text IS NULL OR lower(c.symbol) = lower(%(symbol)s))
  AND (%(canonical_id)s::text IS NULL OR c.canonical_id = %(canonical_id)s)
  AND (%(like)s::text IS NULL OR c.symbol ILIKE %(like)s OR c.name ILIKE %(like)s OR c.canonical_id ILIKE %(like)s)
ORDER BY c.canonical_id, m.source, m.source_id;

-- name: export_history
-- Every observation, each id's together and in the order of time: the order that they are stored in, so none is sorted.
SELECT c.canonical_id, m.source, m.source_id, m.relation, h.observed_at, h.time_assumed, h.price, h.market_cap,
       h.volume_24h
FROM price_history h JOIN source_mappings m USING (mapping_key) JOIN cryptocurrencies c USING (coin_key)
WHERE (%(source)s::text IS NULL OR m.source = %(source)s)
  AND (%(symbol)s::text IS NULL OR lower(c.symbol) = lower(%(symbol)s))
  AND (%(canonical_id)s::text IS NULL OR c.canonical_id = %(canonical_id)s)
  AND (%(like)s::text IS NULL OR c.symbol ILIKE %(like)s OR c.name ILIKE %(like)s OR c.canonical_id ILIKE %(like)s)
  AND (%(begin)s::timestamptz IS NULL OR h.observed_at >= %(begin)s)
  AND (%(until)s::timestamptz IS NULL OR h.observed_at < %(until)s)
ORDER BY h.mapping_key, h.observed_at;
