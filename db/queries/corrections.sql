-- name: lock_mappings
-- Nobody merges while mappings change hands; taken before the identity lock, and before any row.
SELECT pg_advisory_xact_lock(7316400004);

-- name: mapping_to_correct
-- An id with the coin that it is, all that the rules would judge it by, and whether its coin has no other.
SELECT m.mapping_key, c.canonical_id, m.symbol, m.name, m.matched_by, q.market_cap, q.price,
       CASE WHEN NOT q.time_assumed THEN q.observed_at END,
       NOT EXISTS (SELECT FROM source_mappings o WHERE o.coin_key = m.coin_key AND o.mapping_key <> m.mapping_key)
FROM source_mappings m
JOIN cryptocurrencies c USING (coin_key)
LEFT JOIN quotes q USING (mapping_key)
WHERE m.source = %(source)s AND m.source_id = %(source_id)s;

-- name: ids_given_up
-- The canonical ids that an id's own coin had until it was merged into another; the latest first.
SELECT canonical_id FROM redirects WHERE source = %(source)s AND source_id = %(source_id)s
ORDER BY since DESC, canonical_id;

-- name: lock_coins_of_moves
-- The coins that mappings leave and those that they come to, in key order.
SELECT FROM cryptocurrencies
WHERE coin_key IN (SELECT coin_key FROM source_mappings WHERE mapping_key = ANY(%(mapping_keys)s))
   OR canonical_id = ANY(%(canonical_ids)s)
   OR coin_key IN (SELECT coin_key FROM redirects WHERE canonical_id = ANY(%(canonical_ids)s))
ORDER BY coin_key
FOR NO KEY UPDATE;

-- name: revive_ids
-- Ids given up that are to be coins again.
DELETE FROM redirects WHERE canonical_id = ANY(%(canonical_ids)s);

-- name: move_mappings
-- Give each mapping its coin (an id given up leads on), and say which it had and which it has.
WITH before AS (SELECT mapping_key, coin_key FROM source_mappings WHERE mapping_key = ANY(%(mapping_keys)s))
UPDATE source_mappings m
SET coin_key = coalesce(c.coin_key, r.coin_key), relation = n.relation, matched_by = n.matched_by,
    ambiguous = n.ambiguous
FROM unnest(%(mapping_keys)s::integer[], %(canonical_ids)s::text[], %(relations)s::text[], %(matched_by)s::text[],
            %(ambiguous)s::boolean[]) AS n (mapping_key, canonical_id, relation, matched_by, ambiguous)
JOIN before USING (mapping_key)
LEFT JOIN cryptocurrencies c USING (canonical_id)
LEFT JOIN redirects r USING (canonical_id)
WHERE m.mapping_key = n.mapping_key
RETURNING m.mapping_key, before.coin_key, m.coin_key;

-- name: redirect_emptied_coins
-- Coins left without a mapping: their ids, and all that lead to them, lead to where their first mapping went.
WITH emptied AS (
    SELECT DISTINCT ON (moved.coin_key) moved.coin_key, c.canonical_id, m.coin_key AS now_at, m.source, m.source_id
    FROM unnest(%(mapping_keys)s::integer[], %(left)s::integer[]) AS moved (mapping_key, coin_key)
    JOIN source_mappings m USING (mapping_key)
    JOIN cryptocurrencies c ON c.coin_key = moved.coin_key
    WHERE NOT EXISTS (SELECT FROM source_mappings o WHERE o.coin_key = moved.coin_key)
    ORDER BY moved.coin_key, m.mapping_key
), led_on AS (
    UPDATE redirects r SET coin_key = emptied.now_at FROM emptied WHERE r.coin_key = emptied.coin_key
), redirected AS (
    INSERT INTO redirects (canonical_id, coin_key, source, source_id)
    SELECT canonical_id, now_at, source, source_id FROM emptied
)
SELECT coin_key FROM emptied;

-- name: delete_coins
-- Coins that nothing is mapped to.
DELETE FROM cryptocurrencies WHERE coin_key = ANY(%(coins)s);

-- name: redirect_of
-- The coin that an id given up leads to.
SELECT c.canonical_id FROM redirects r JOIN cryptocurrencies c USING (coin_key) WHERE r.canonical_id = %(canonical_id)s;

-- name: page_of_mappings
-- A page of what each source's ids were taken for, in the list's envelope.
WITH matching AS NOT MATERIALIZED (
    SELECT m.source, m.source_id, c.canonical_id, m.symbol, m.name, m.relation, m.matched_by, m.ambiguous, m.first_seen,
           q.fetched_at AS last_seen
    FROM source_mappings m
    JOIN cryptocurrencies c USING (coin_key)
    LEFT JOIN quotes q USING (mapping_key)
    WHERE (%(source)s::text IS NULL OR m.source = %(source)s)
      AND (%(source_id)s::text IS NULL OR m.source_id = %(source_id)s)
      AND (%(canonical_id)s::text IS NULL OR m.coin_key IN (
              SELECT coin_key FROM cryptocurrencies WHERE canonical_id = %(canonical_id)s
              UNION ALL
              SELECT coin_key FROM redirects WHERE canonical_id = %(canonical_id)s))
      AND (%(matched_by)s::text IS NULL OR m.matched_by = %(matched_by)s)
      AND (%(ambiguous)s::boolean IS NULL OR m.ambiguous = %(ambiguous)s)
), page AS (
    SELECT * FROM matching ORDER BY source, source_id LIMIT %(page_size)s::bigint OFFSET %(offset)s::bigint
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

-- name: one_mapping
-- What one id of a source was taken for.
SELECT row_to_json(mapping)::text
FROM (
    SELECT m.source, m.source_id, c.canonical_id, m.symbol, m.name, m.relation, m.matched_by, m.ambiguous, m.first_seen,
           q.fetched_at AS last_seen
    FROM source_mappings m
    JOIN cryptocurrencies c USING (coin_key)
    LEFT JOIN quotes q USING (mapping_key)
    WHERE m.source = %(source)s AND m.source_id = %(source_id)s
) AS mapping;
