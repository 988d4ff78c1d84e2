-- name: prepare_incoming
-- Where pages land before they are merged: who is quoted, and what is said of whom; emptied by every commit.
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_names (
    number integer, page smallint, source_id text, symbol text, name text
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
    number integer, page smallint,
    price numeric, market_cap numeric, volume_24h numeric, price_change_24h numeric, high_24h numeric, low_24h numeric,
    circulating_supply numeric, total_supply numeric, max_supply numeric, rank integer,
    observed_at timestamptz, time_assumed boolean, flags text[] DEFAULT '{}'
) ON COMMIT DELETE ROWS;

-- name: copy_incoming
-- Bring a page in.
COPY incoming ({columns}) FROM STDIN (NULL '');

-- name: copy_incoming_names
-- Bring in who is quoted.
COPY incoming_names (number, page, source_id, symbol, name) FROM STDIN (FORMAT csv);

-- name: room_to_sort
-- Many rows are sorted in memory, not on the disk.
SET LOCAL work_mem = '32MB';

-- name: measure_incoming
-- Many rows are joined better when the planner knows how many they are, and of how many coins.
ANALYZE incoming_names (number, source_id), incoming (number, observed_at);

-- name: lock_mappings_shared
-- Whoever merges quotes holds this, so that no mapping changes hands between finding a coin and merging it.
SELECT pg_advisory_xact_lock_shared(7316400004);

-- name: newcomers
-- The ids of a batch that belong to no coin yet, once each: the spelling and figures that came last.
SELECT DISTINCT ON (n.source_id) n.source_id, n.symbol, n.name, i.market_cap, i.price,
       CASE WHEN NOT i.time_assumed THEN i.observed_at END
FROM incoming_names n JOIN incoming i USING (number)
WHERE NOT EXISTS (SELECT FROM source_mappings m WHERE m.source = %(source)s AND m.source_id = n.source_id)
-- rows lie in the order they came
ORDER BY n.source_id, i.observed_at DESC, i.ctid DESC;

-- name: lock_identity
-- Ids are given by one transaction at a time; a batch without newcomers never comes here.
SELECT pg_advisory_xact_lock(7316400003);

-- name: taken_ids
-- Which of these canonical ids are given already, or were once.
SELECT canonical_id FROM cryptocurrencies WHERE canonical_id = ANY(%(wanted)s)
UNION ALL
SELECT canonical_id FROM redirects WHERE canonical_id = ANY(%(wanted)s);

-- name: mappings_alike
-- All mappings of the coins that have one with a newcomer's symbol and name, each with its latest price.
SELECT m.source, m.source_id, c.canonical_id, m.symbol_key, m.name_key, m.relation, m.matched_by, q.price,
       CASE WHEN NOT q.time_assumed THEN q.observed_at END
FROM source_mappings m
JOIN cryptocurrencies c USING (coin_key)
LEFT JOIN quotes q USING (mapping_key)
WHERE m.coin_key IN (
    SELECT alike.coin_key
    FROM source_mappings alike
    JOIN unnest(%(symbol_keys)s::text[], %(name_keys)s::text[]) AS k (symbol_key, name_key)
      ON alike.symbol_key = k.symbol_key AND alike.name_key = k.name_key
);

-- name: insert_coins
-- The coins that newcomers are the first of; a registry coin may have come by another id of the same batch.
INSERT INTO cryptocurrencies (canonical_id, symbol, name)
SELECT * FROM unnest(%(canonical_ids)s::text[], %(symbols)s::text[], %(names)s::text[])
ON CONFLICT (canonical_id) DO NOTHING;

-- name: insert_mappings
-- Which coin each newcomer is, for good; an id that was given up leads to the coin that has it now.
INSERT INTO source_mappings (source, source_id, coin_key, symbol, name, symbol_key, name_key, relation, matched_by,
                             ambiguous)
SELECT %(source)s, n.source_id, coalesce(c.coin_key, r.coin_key), n.symbol, n.name, n.symbol_key, n.name_key, n.relation, n.matched_by,
       n.ambiguous
FROM unnest(%(source_ids)s::text[], %(canonical_ids)s::text[], %(symbols)s::text[], %(names)s::text[],
            %(symbol_keys)s::text[], %(name_keys)s::text[], %(relations)s::text[], %(matched_by)s::text[],
            %(ambiguous)s::boolean[])
     AS n (source_id, canonical_id, symbol, name, symbol_key, name_key, relation, matched_by, ambiguous)
LEFT JOIN cryptocurrencies c USING (canonical_id)
LEFT JOIN redirects r USING (canonical_id)
ORDER BY n.source_id;

-- name: has_history_of_incoming
-- Whether anything is on record from the times that a batch tells of, of a few of its ids: others will hardly differ.
-- Each is looked up in the index: as a condition, rather than a value, the planner might read all of history for it.
SELECT bool_or(EXISTS (SELECT FROM price_history h
                       WHERE h.mapping_key = m.mapping_key AND h.observed_at BETWEEN told.first AND told.last))
FROM (
    SELECT number, min(observed_at) AS first, max(observed_at) AS last FROM incoming WHERE number %% 32 = 0 GROUP BY number
) AS told
JOIN incoming_names n USING (number)
JOIN source_mappings m ON m.source = %(source)s AND m.source_id = n.source_id;

-- name: record_new_history
-- Every observation once, in the order of the index. Fails when one has a record of its time already.
INSERT INTO price_history (mapping_key, observed_at, time_assumed, price, market_cap, volume_24h)
SELECT DISTINCT ON (m.mapping_key, i.observed_at)
       m.mapping_key, i.observed_at, i.time_assumed, i.price, i.market_cap, i.volume_24h
FROM incoming i JOIN incoming_names n USING (number)
JOIN source_mappings m ON m.source = %(source)s AND m.source_id = n.source_id
ORDER BY m.mapping_key, i.observed_at, i.time_assumed, i.price DESC NULLS LAST, i.market_cap DESC NULLS LAST,
         i.volume_24h DESC NULLS LAST;

-- name: record_history
-- Every observation once. Says whether any had a record of its time already, with which it is then to be compared.
WITH observed AS MATERIALIZED (
    SELECT DISTINCT ON (m.mapping_key, i.observed_at)
           m.mapping_key, i.observed_at, i.time_assumed, i.price, i.market_cap, i.volume_24h
    FROM incoming i JOIN incoming_names n USING (number)
    JOIN source_mappings m ON m.source = %(source)s AND m.source_id = n.source_id
    ORDER BY m.mapping_key, i.observed_at, i.time_assumed, i.price DESC NULLS LAST, i.market_cap DESC NULLS LAST,
             i.volume_24h DESC NULLS LAST
), recorded AS (
    INSERT INTO price_history (mapping_key, observed_at, time_assumed, price, market_cap, volume_24h)
    SELECT * FROM observed
    ON CONFLICT (mapping_key, observed_at) DO NOTHING
    RETURNING 1
)
SELECT (SELECT count(*) FROM recorded) < (SELECT count(*) FROM observed);

-- name: settle_history
-- Of two observations of an id at one time the same one stays, whichever came first.
WITH better AS (
    SELECT DISTINCT ON (h.mapping_key, h.observed_at)
           h.mapping_key, h.observed_at, i.time_assumed, i.price, i.market_cap, i.volume_24h
    FROM incoming i JOIN incoming_names n USING (number)
    JOIN source_mappings m ON m.source = %(source)s AND m.source_id = n.source_id
    JOIN price_history h ON h.mapping_key = m.mapping_key AND h.observed_at = i.observed_at
    WHERE (NOT i.time_assumed, coalesce(i.price, '-Infinity'), coalesce(i.market_cap, '-Infinity'),
           coalesce(i.volume_24h, '-Infinity'))
        > (NOT h.time_assumed, coalesce(h.price, '-Infinity'), coalesce(h.market_cap, '-Infinity'),
           coalesce(h.volume_24h, '-Infinity'))
    ORDER BY h.mapping_key, h.observed_at, i.time_assumed, i.price DESC NULLS LAST, i.market_cap DESC NULLS LAST,
             i.volume_24h DESC NULLS LAST
), locked AS (
    -- in key order, so that two batches can't wait for each other
    SELECT h.mapping_key, h.observed_at FROM price_history h JOIN better b USING (mapping_key, observed_at)
    ORDER BY h.mapping_key, h.observed_at
    FOR UPDATE OF h
)
UPDATE price_history h
SET time_assumed = b.time_assumed, price = b.price, market_cap = b.market_cap, volume_24h = b.volume_24h
FROM better b JOIN locked USING (mapping_key, observed_at)
WHERE h.mapping_key = b.mapping_key AND h.observed_at = b.observed_at
  AND (NOT b.time_assumed, coalesce(b.price, '-Infinity'), coalesce(b.market_cap, '-Infinity'),
       coalesce(b.volume_24h, '-Infinity'))
    > (NOT h.time_assumed, coalesce(h.price, '-Infinity'), coalesce(h.market_cap, '-Infinity'),
       coalesce(h.volume_24h, '-Infinity'));

-- name: keep_latest_quotes
-- The latest quote of each id, by the same order; an older one never overwrites a newer one. The coins whose quotes changed.
WITH newest AS (
    SELECT number, max(observed_at) AS observed_at FROM incoming GROUP BY number
), hopeful AS (
    -- what is older than the quote that is there is not worth sorting
    SELECT w.number, w.observed_at, m.mapping_key
    FROM newest w JOIN incoming_names n USING (number)
    JOIN source_mappings m ON m.source = %(source)s AND m.source_id = n.source_id
    WHERE NOT EXISTS (SELECT FROM quotes k WHERE k.mapping_key = m.mapping_key AND k.observed_at > w.observed_at)
), kept AS (INSERT INTO quotes AS q (mapping_key, price, market_cap, volume_24h, price_change_24h, high_24h, low_24h,
                         circulating_supply, total_supply, max_supply, rank, observed_at, time_assumed, fetched_at, flags)
SELECT DISTINCT ON (h.mapping_key)
       h.mapping_key, i.price, i.market_cap, i.volume_24h, i.price_change_24h, i.high_24h, i.low_24h,
       i.circulating_supply, i.total_supply, i.max_supply, i.rank, i.observed_at, i.time_assumed,
       (%(fetched_at)s::timestamptz[])[i.page], i.flags
FROM hopeful h JOIN incoming i USING (number, observed_at)
ORDER BY h.mapping_key, i.observed_at DESC, i.time_assumed, i.price DESC NULLS LAST, i.market_cap DESC NULLS LAST,
         i.volume_24h DESC NULLS LAST, i.price_change_24h DESC NULLS LAST, i.high_24h DESC NULLS LAST,
         i.low_24h DESC NULLS LAST, i.circulating_supply DESC NULLS LAST, i.total_supply DESC NULLS LAST,
         i.max_supply DESC NULLS LAST, i.rank DESC NULLS LAST
ON CONFLICT (mapping_key) DO UPDATE
SET price = excluded.price, market_cap = excluded.market_cap, volume_24h = excluded.volume_24h,
    price_change_24h = excluded.price_change_24h, high_24h = excluded.high_24h, low_24h = excluded.low_24h,
    circulating_supply = excluded.circulating_supply, total_supply = excluded.total_supply,
    max_supply = excluded.max_supply, rank = excluded.rank, observed_at = excluded.observed_at,
    time_assumed = excluded.time_assumed, fetched_at = excluded.fetched_at, flags = excluded.flags
-- all figures count, so that of two quotes at one time the same one stays, whichever came first
WHERE (excluded.observed_at, NOT excluded.time_assumed, coalesce(excluded.price, '-Infinity'),
       coalesce(excluded.market_cap, '-Infinity'), coalesce(excluded.volume_24h, '-Infinity'),
       coalesce(excluded.price_change_24h, '-Infinity'), coalesce(excluded.high_24h, '-Infinity'),
       coalesce(excluded.low_24h, '-Infinity'), coalesce(excluded.circulating_supply, '-Infinity'),
       coalesce(excluded.total_supply, '-Infinity'), coalesce(excluded.max_supply, '-Infinity'),
       coalesce(excluded.rank, 0))
    > (q.observed_at, NOT q.time_assumed, coalesce(q.price, '-Infinity'), coalesce(q.market_cap, '-Infinity'),
       coalesce(q.volume_24h, '-Infinity'), coalesce(q.price_change_24h, '-Infinity'),
       coalesce(q.high_24h, '-Infinity'), coalesce(q.low_24h, '-Infinity'),
       coalesce(q.circulating_supply, '-Infinity'), coalesce(q.total_supply, '-Infinity'),
       coalesce(q.max_supply, '-Infinity'), coalesce(q.rank, 0))
RETURNING mapping_key)
SELECT DISTINCT coin_key FROM kept JOIN source_mappings USING (mapping_key);

-- name: coins_of_incoming
-- By page (from 1), the coins that no page before it named, in the order they came.
SELECT c.page, array_agg(c.coin_key ORDER BY c.number)
FROM (
    SELECT m.coin_key, min(n.page) AS page, min(n.number) AS number
    FROM incoming_names n JOIN source_mappings m ON m.source = %(source)s AND m.source_id = n.source_id
    GROUP BY m.coin_key
) AS c
GROUP BY c.page;
