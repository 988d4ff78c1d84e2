-- What reads find without looking at all coins: the market's totals, its movers, and where the largest coins are.

-- The market is the sum of these rows: one for each writer at a time, as in data_version.
CREATE TABLE market_totals (
    slot       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    coins      bigint NOT NULL,
    -- of coins without flags: caps, prices, and how many have a price
    market_cap numeric NOT NULL,
    price      numeric NOT NULL,
    priced     bigint NOT NULL
) WITH (fillfactor = 10);

-- A trigger and no statement of the merge: whatever changes coins, by whichever release, is counted with it.
CREATE FUNCTION count_into_market_totals() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    now_is market_totals := (0, 0, 0, 0, 0);
    was market_totals := (0, 0, 0, 0, 0);
    free integer;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        -- nobody else can have written coins now, so that these rows are all there are
        DELETE FROM market_totals;
        RETURN NULL;
    END IF;
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        SELECT 0, count(*), coalesce(sum(market_cap) FILTER (WHERE flags = '{}'), 0),
               coalesce(sum(price) FILTER (WHERE flags = '{}'), 0), count(price) FILTER (WHERE flags = '{}')
        INTO now_is FROM made;
    END IF;
    IF TG_OP IN ('DELETE', 'UPDATE') THEN
        SELECT 0, count(*), coalesce(sum(market_cap) FILTER (WHERE flags = '{}'), 0),
               coalesce(sum(price) FILTER (WHERE flags = '{}'), 0), count(price) FILTER (WHERE flags = '{}')
        INTO was FROM gone;
    END IF;
    IF now_is = was THEN
        RETURN NULL;
    END IF;
    SELECT slot INTO free FROM market_totals LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF free IS NULL THEN
        INSERT INTO market_totals (coins, market_cap, price, priced)
        VALUES (now_is.coins - was.coins, now_is.market_cap - was.market_cap, now_is.price - was.price,
                now_is.priced - was.priced);
    ELSE
        UPDATE market_totals
        SET coins = coins + now_is.coins - was.coins, market_cap = market_cap + now_is.market_cap - was.market_cap,
            price = price + now_is.price - was.price, priced = priced + now_is.priced - was.priced
        WHERE slot = free;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER totals_of_new_coins AFTER INSERT ON cryptocurrencies
    REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION count_into_market_totals();
CREATE TRIGGER totals_of_changed_coins AFTER UPDATE ON cryptocurrencies
    REFERENCING OLD TABLE AS gone NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION count_into_market_totals();
CREATE TRIGGER totals_of_deleted_coins AFTER DELETE ON cryptocurrencies
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION count_into_market_totals();
CREATE TRIGGER totals_of_no_coins AFTER TRUNCATE ON cryptocurrencies
    FOR EACH STATEMENT EXECUTE FUNCTION count_into_market_totals();

-- Under the triggers' lock nobody writes coins until this is committed.
INSERT INTO market_totals (coins, market_cap, price, priced)
SELECT count(*), coalesce(sum(market_cap) FILTER (WHERE flags = '{}'), 0),
       coalesce(sum(price) FILTER (WHERE flags = '{}'), 0), count(price) FILTER (WHERE flags = '{}')
FROM cryptocurrencies;

-- Each of these is written at every change of a coin, so that there is one for what is asked most, and for movers.
CREATE INDEX cryptocurrencies_largest ON cryptocurrencies (market_cap DESC NULLS LAST, canonical_id);
CREATE INDEX cryptocurrencies_movers ON cryptocurrencies (price_change_24h)
    WHERE flags = '{}' AND price_change_24h IS NOT NULL;
