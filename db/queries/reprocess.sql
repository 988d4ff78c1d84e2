-- name: allow_a_pause
-- Deciding anew of tens of thousands of ids takes this process some seconds, more on a busy machine, in mid-transaction.
SET LOCAL idle_in_transaction_session_timeout = '2min';

-- name: all_mappings
-- Every id with its coin and all that the rules judge it by.
SELECT m.mapping_key, m.source, m.source_id, c.canonical_id, m.symbol, m.name, m.symbol_key, m.name_key, m.relation,
       m.matched_by, m.ambiguous, q.market_cap, q.price, CASE WHEN NOT q.time_assumed THEN q.observed_at END
FROM source_mappings m
JOIN cryptocurrencies c USING (coin_key)
LEFT JOIN quotes q USING (mapping_key);

-- name: all_redirects
-- Every canonical id that was given up, and the one of the coin that it leads to.
SELECT r.canonical_id, c.canonical_id FROM redirects r JOIN cryptocurrencies c USING (coin_key);

-- name: set_keys
-- Symbols and names made comparable anew.
UPDATE source_mappings m SET symbol_key = n.symbol_key, name_key = n.name_key
FROM unnest(%(mapping_keys)s::integer[], %(symbol_keys)s::text[], %(name_keys)s::text[]) AS n (mapping_key, symbol_key, name_key)
WHERE m.mapping_key = n.mapping_key;

-- name: name_coins
-- Call coins as the registry does, for those of which no native quote says how they are called.
UPDATE cryptocurrencies c SET symbol = n.symbol, name = n.name
FROM unnest(%(canonical_ids)s::text[], %(symbols)s::text[], %(names)s::text[]) AS n (canonical_id, symbol, name)
WHERE c.canonical_id = n.canonical_id AND (c.symbol, c.name) <> (n.symbol, n.name)
  AND NOT EXISTS (SELECT FROM source_mappings m WHERE m.coin_key = c.coin_key AND m.relation = 'same');

-- name: next_coins
-- The coins that follow one, by key.
SELECT coin_key FROM cryptocurrencies WHERE coin_key > %(behind)s ORDER BY coin_key LIMIT %(most)s;

-- name: every_coin
-- The keys of all coins.
SELECT coin_key FROM cryptocurrencies ORDER BY coin_key;

-- name: quotes_to_judge
-- The latest quotes of some coins, with what was held against them.
SELECT q.mapping_key, m.source_id, m.symbol, m.name, q.price, q.market_cap, q.volume_24h, q.price_change_24h, q.high_24h,
       q.low_24h, q.circulating_supply, q.total_supply, q.max_supply, q.rank, q.observed_at, q.flags
FROM source_mappings m JOIN quotes q USING (mapping_key)
WHERE m.coin_key = ANY(%(coins)s);

-- name: set_flags
-- What can't be right about quotes, judged anew; flags are given as text, separated by blanks.
UPDATE quotes q SET flags = coalesce(string_to_array(nullif(n.flags, ''), ' '), '{}')
FROM unnest(%(mapping_keys)s::integer[], %(flags)s::text[]) AS n (mapping_key, flags)
WHERE q.mapping_key = n.mapping_key;
