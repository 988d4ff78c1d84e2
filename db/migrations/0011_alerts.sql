-- Alerts: rules, what was seen of what they watch, and the messages to be delivered.

CREATE TABLE alerts (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL,
    kind          text NOT NULL
                  CHECK (kind IN ('price_above', 'price_below', 'price_change', 'source_stale', 'job_failed')),
    -- canonical id; one that was given up meanwhile leads on
    coin          text,
    price         numeric,
    percent       numeric CHECK (percent > 0),
    direction     text CHECK (direction IN ('up', 'down', 'any')),
    -- seconds: the window of a change, or after how long without a good fetch a source is stale
    period        double precision CHECK (period > 0),
    source        text,
    partial       boolean NOT NULL DEFAULT false,
    webhook_url   text,
    -- needed as it is to sign; shown once, when it was made
    secret        text,
    mail_to       text[] NOT NULL DEFAULT '{}',
    paused        boolean NOT NULL DEFAULT false,
    -- whether it is beyond its mark now; null: not looked at since it was made, changed or resumed
    beyond        boolean,
    -- of a source: its last good fetch that was taken into account, and from when on it is watched
    good_at       timestamptz,
    watched_from  timestamptz NOT NULL DEFAULT now(),
    last_fired_at timestamptz,
    created_by    text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CHECK (coin IS NOT NULL OR kind NOT LIKE 'price%'),
    CHECK ((webhook_url IS NULL) = (secret IS NULL)),
    CHECK (webhook_url IS NOT NULL OR mail_to <> '{}')
);

-- What happened to what a rule watches, in the transaction in which it happened, in its order; the evaluation takes it away.
-- No foreign key: a merge would wait for whoever deletes a rule.
CREATE TABLE alert_sightings (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id    bigint NOT NULL,
    coin_key    integer,
    price       numeric,
    source      text,
    observed_at timestamptz,
    job_id      bigint,
    seen_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_sightings_of_alert ON alert_sightings (alert_id, id);

-- A message for one receiver, written with the crossing that it tells of: the outbox.
CREATE TABLE deliveries (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- the same in every attempt, so that receivers can drop repeats
    message_id  text NOT NULL UNIQUE DEFAULT 'msg_' || replace(gen_random_uuid()::text, '-', ''),
    alert_id    bigint NOT NULL REFERENCES alerts ON DELETE CASCADE,
    -- a mail address; null: the webhook
    recipient   text,
    -- JSON, as it is signed and sent
    body        text NOT NULL,
    state       text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'delivered', 'dead')),
    attempt     integer NOT NULL DEFAULT 0,
    fence       bigint NOT NULL DEFAULT 0,
    run_at      timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,
    error       text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CHECK ((state = 'running') = (lease_until IS NOT NULL))
);
CREATE INDEX deliveries_of_alert ON deliveries (alert_id, id);
CREATE INDEX deliveries_open ON deliveries (coalesce(lease_until, run_at)) WHERE state IN ('queued', 'running');
CREATE INDEX deliveries_ended ON deliveries (finished_at) WHERE finished_at IS NOT NULL;

-- A key may have made an alert, too.
ALTER TABLE idempotency_keys ADD COLUMN alert_id bigint REFERENCES alerts ON DELETE CASCADE;

-- A trigger and no statement of the merge: whatever changes a coin, by whichever release, is seen with it, and without
-- rules nothing is done. Prices that can't be right are flagged, and no reason to wake anyone.
CREATE FUNCTION sight_prices() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM alerts WHERE coin IS NOT NULL AND NOT paused) THEN
        RETURN NULL;
    END IF;
    INSERT INTO alert_sightings (alert_id, coin_key, price, source, observed_at)
    SELECT watched.id, m.coin_key, m.price, m.provenance ->> 'price', m.last_updated
    FROM (
        SELECT a.id, coalesce((SELECT c.coin_key FROM cryptocurrencies c WHERE c.canonical_id = a.coin),
                              (SELECT r.coin_key FROM redirects r WHERE r.canonical_id = a.coin)) AS coin_key
        FROM alerts a WHERE a.coin IS NOT NULL AND NOT a.paused
    ) AS watched
    JOIN made m USING (coin_key)
    JOIN gone g USING (coin_key)
    WHERE m.price IS NOT NULL AND m.flags = '{}'
      AND (m.price, m.last_updated) IS DISTINCT FROM (g.price, g.last_updated)
    ORDER BY watched.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER sightings_of_changed_coins AFTER UPDATE ON cryptocurrencies
    REFERENCING OLD TABLE AS gone NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION sight_prices();

-- A job ends once: its state never changes after.
CREATE FUNCTION sight_failed_job() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO alert_sightings (alert_id, job_id)
    SELECT a.id, NEW.id
    FROM alerts a
    WHERE a.kind = 'job_failed' AND NOT a.paused AND (a.partial OR NEW.state = 'failed')
      AND (a.source IS NULL
           OR EXISTS (SELECT FROM tasks t WHERE t.job_id = NEW.id AND t.state = 'failed' AND t.source = a.source))
    ORDER BY a.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER sightings_of_failed_jobs AFTER UPDATE ON jobs
FOR EACH ROW WHEN (NEW.state IN ('failed', 'partial_success') AND OLD.state IS DISTINCT FROM NEW.state)
EXECUTE FUNCTION sight_failed_job();
