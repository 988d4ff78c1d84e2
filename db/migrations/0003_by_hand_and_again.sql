-- Corrections by hand with redirects from ids given up; one ranking for merging and explaining; rebuilding as a task.

-- An id that was given once and is no coin of its own any more: whose it is now.
CREATE TABLE redirects (
    canonical_id text PRIMARY KEY,
    coin_key     integer NOT NULL REFERENCES cryptocurrencies (coin_key),
    -- whose coin it was last: when that gets a coin of its own again, it gets this id again
    source       text NOT NULL,
    source_id    text NOT NULL,
    since        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX redirects_to_coin ON redirects (coin_key);
CREATE INDEX redirects_of_mapping ON redirects (source, source_id);

ALTER TABLE tasks DROP CONSTRAINT tasks_kind_check,
                  ADD CONSTRAINT tasks_kind_check CHECK (kind IN ('fetch', 'normalize', 'reprocess'));

-- Small, and good enough to find what is past its age, since observations come about in the order of their time.
CREATE INDEX price_history_by_age ON price_history USING brin (observed_at);

-- Which quote wins: native before wrapped, fresh before stale, then priority, then the later. `place` counts from 1;
-- `fills` says whether gaps of the first are filled from this one. Merging and explaining both ask here, so that they
-- can't disagree. A plain SELECT, which the planner takes into the statement that asks.
CREATE FUNCTION ranked_quotes(coins integer[], sources text[], priorities integer[], stale_after double precision)
RETURNS TABLE (
    coin_key integer, mapping_key integer, source text, source_id text, symbol text, name text, relation text,
    price numeric, market_cap numeric, volume_24h numeric, price_change_24h numeric, circulating_supply numeric,
    total_supply numeric, max_supply numeric, rank integer, observed_at timestamptz, time_assumed boolean,
    flags text[], priority integer, stale boolean, place bigint, fills boolean
)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT coin_key, mapping_key, source, source_id, symbol, name, relation, price, market_cap, volume_24h,
           price_change_24h, circulating_supply, total_supply, max_supply, rank, observed_at, time_assumed, flags,
           priority, stale, row_number() OVER ranking,
           -- a wrapped coin's figures are its own: they fill no gap of the native one
           relation = first_value(relation) OVER ranking
    FROM (
        SELECT m.coin_key, m.source, m.source_id, m.symbol, m.name, m.relation, q.*, coalesce(p.priority, 0) AS priority,
               -- an assumed time makes no other quote stale
               coalesce(q.observed_at < max(q.observed_at) FILTER (WHERE NOT q.time_assumed)
                                            OVER (PARTITION BY m.coin_key, m.relation)
                                        - stale_after * interval '1 second', false) AS stale
        FROM source_mappings m
        JOIN quotes q USING (mapping_key)
        LEFT JOIN unnest(sources, priorities) AS p (source, priority) USING (source)
        WHERE m.coin_key = ANY (coins)
    ) AS candidate
    WINDOW ranking AS (PARTITION BY coin_key
                       ORDER BY relation, stale, priority DESC, observed_at DESC, source_id, source)
$$;
