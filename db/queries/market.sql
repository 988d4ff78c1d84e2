-- name: market_beside
-- What stands beside a page of coins: the market in a few figures (if asked for), and each coin's last week.
WITH ids AS MATERIALIZED (
    -- whose prices are the coin's: the winner's, then the others' by priority; a wrapped coin's are its own, and count
    -- only where there is no native id at all
    SELECT c.canonical_id, c.last_updated, m.mapping_key,
           row_number() OVER (PARTITION BY c.coin_key ORDER BY m.source = c.source DESC,
                                                               coalesce(p.priority, 0) DESC, m.source_id) AS place
    FROM cryptocurrencies c
    JOIN source_mappings m USING (coin_key)
    LEFT JOIN unnest(%(sources)s::text[], %(priorities)s::integer[]) AS p (source, priority) ON p.source = m.source
    WHERE c.canonical_id = ANY(%(coins)s::text[])
      AND m.relation = (SELECT min(o.relation) FROM source_mappings o WHERE o.coin_key = c.coin_key)
)
SELECT data_version(),
       CASE WHEN %(overview)s::boolean THEN (SELECT row_to_json(overview)::text FROM (
           SELECT count(*) AS coins,
                  sum(market_cap) FILTER (WHERE flags = '{}') AS market_cap,
                  sum(volume_24h) FILTER (WHERE flags = '{}') AS volume_24h,
                  count(*) FILTER (WHERE flags = '{}' AND price_change_24h > 0) AS rising,
                  count(*) FILTER (WHERE flags = '{}' AND price_change_24h < 0) AS falling,
                  max(last_updated) AS newest,
                  (SELECT coalesce(json_agg(each), '[]') FROM (
                      SELECT canonical_id, symbol, name, price, price_change_24h FROM cryptocurrencies
                      WHERE flags = '{}' AND price_change_24h > 0
                      ORDER BY price_change_24h DESC, canonical_id LIMIT 5
                  ) AS each) AS gainers,
                  (SELECT coalesce(json_agg(each), '[]') FROM (
                      SELECT canonical_id, symbol, name, price, price_change_24h FROM cryptocurrencies
                      WHERE flags = '{}' AND price_change_24h < 0
                      ORDER BY price_change_24h, canonical_id LIMIT 5
                  ) AS each) AS losers
           FROM cryptocurrencies
       ) AS overview) END,
       (SELECT coalesce(json_object_agg(canonical_id, week), '{}')::text FROM (
           SELECT canonical_id, json_agg(json_build_array(41 - step, price) ORDER BY step DESC) AS week
           FROM (
               SELECT DISTINCT ON (ids.canonical_id, step) ids.canonical_id, step, look.price
               FROM ids
               CROSS JOIN generate_series(0, 41) AS step
               -- short looks into an index, however often a coin is observed
               CROSS JOIN LATERAL (
                   SELECT h.price FROM price_history h
                   WHERE h.mapping_key = ids.mapping_key AND h.price IS NOT NULL
                     AND h.observed_at <= ids.last_updated - step * interval '4 hours'
                     AND h.observed_at > ids.last_updated - (step + 1) * interval '4 hours'
                   ORDER BY h.observed_at DESC LIMIT 1
               ) AS look
               WHERE ids.place <= 3
               ORDER BY ids.canonical_id, step, ids.place
           ) AS steps
           GROUP BY canonical_id
       ) AS weeks);
