-- name: coin_to_explain
-- A golden record as it stands, and the ids given up that lead to it.
SELECT coin_key, canonical_id, symbol, name, source, provenance, price, market_cap, volume_24h, price_change_24h,
       circulating_supply, total_supply, max_supply, rank,
       ARRAY(SELECT r.canonical_id FROM redirects r WHERE r.coin_key = c.coin_key ORDER BY 1)
FROM cryptocurrencies c
WHERE canonical_id = %(canonical_id)s;

-- name: evidence_of_coin
-- A coin's quotes as the merge ranks them, the best first, with how each came to be this coin.
SELECT r.source, r.source_id, r.symbol, r.name, m.symbol_key, m.name_key, r.relation, m.matched_by, m.ambiguous,
       m.first_seen, r.observed_at, r.time_assumed, r.flags, r.priority, r.stale, r.place, r.fills,
       r.price, r.market_cap, r.volume_24h, r.price_change_24h, r.circulating_supply, r.total_supply, r.max_supply, r.rank
FROM ranked_quotes(ARRAY[%(coin)s::integer], %(sources)s::text[], %(priorities)s::integer[],
                   %(stale_after)s::double precision) AS r
JOIN source_mappings m USING (mapping_key)
ORDER BY r.place;

-- name: neighbours_of_coin
-- Ids of other coins that share a symbol with one of a coin's; those of the same name first.
SELECT c.canonical_id, n.source, n.source_id, n.symbol, n.name, n.symbol_key, n.name_key, n.matched_by, q.price,
       CASE WHEN NOT q.time_assumed THEN q.observed_at END
FROM source_mappings n
JOIN cryptocurrencies c USING (coin_key)
LEFT JOIN quotes q USING (mapping_key)
WHERE n.coin_key <> %(coin)s
  AND n.symbol_key IN (SELECT m.symbol_key FROM source_mappings m WHERE m.coin_key = %(coin)s AND m.symbol_key <> '')
ORDER BY n.name_key IN (SELECT m.name_key FROM source_mappings m WHERE m.coin_key = %(coin)s) DESC, q.market_cap DESC NULLS LAST,
         n.mapping_key
LIMIT %(most)s;
