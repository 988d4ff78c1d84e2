-- name: market_beside
-- What stands beside a page of coins: the market in a few figures (if asked for), and each coin's last week.
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
           SELECT c.canonical_id, json_agg(json_build_array(41 - step, seen.price) ORDER BY step DESC) AS week
           FROM cryptocurrencies c
           CROSS JOIN generate_series(0, 41) AS step
           -- short looks into an index, however often a coin is observed: of the ids that saw it then, the best one
           CROSS JOIN LATERAL (
               SELECT look.price
               FROM source_mappings m
               LEFT JOIN unnest(%(sources)s::text[], %(priorities)s::integer[]) AS p (source, priority) USING (source)
               CROSS JOIN LATERAL (
                   SELECT h.price FROM price_history h
                   WHERE h.mapping_key = m.mapping_key AND h.price IS NOT NULL
                     AND h.observed_at <= c.last_updated - step * interval '4 hours'
                     AND h.observed_at > c.last_updated - (step + 1) * interval '4 hours'
                   ORDER BY h.observed_at DESC LIMIT 1
               ) AS look
               WHERE m.coin_key = c.coin_key
                 -- a wrapped coin's prices are its own: they count only where there is no native id at all
                 AND m.relation = (SELECT min(o.relation) FROM source_mappings o WHERE o.coin_key = c.coin_key)
               ORDER BY m.source = c.source DESC, coalesce(p.priority, 0) DESC, m.source_id, m.source LIMIT 1
           ) AS seen
           WHERE c.canonical_id = ANY(%(coins)s::text[])
           GROUP BY c.canonical_id
       ) AS weeks);
