-- name: alerts
-- A page of rules, or one of them, without their secrets; how many messages of each are still to be delivered.
SELECT id, name, kind, coin, price, percent, direction, period, source, partial, webhook_url, mail_to, paused, beyond,
       last_fired_at, created_by, created_at,
       (SELECT count(*) FROM deliveries d WHERE d.alert_id = alerts.id AND d.state IN ('queued', 'running'))
FROM alerts
WHERE %(alert)s::bigint IS NULL OR id = %(alert)s
ORDER BY id
LIMIT %(page_size)s::bigint OFFSET %(offset)s::bigint;

-- name: count_alerts
-- How many rules there are.
SELECT count(*) FROM alerts;

-- name: lock_alert
-- A rule as it is now and stays for this transaction.
SELECT coin, price, percent, direction, period, paused FROM alerts WHERE id = %(alert)s FOR UPDATE;

-- name: hold_coin
-- A coin by its id, or by one given up. Nobody merges into it until this transaction ends: who comes after sees the rule.
SELECT canonical_id FROM cryptocurrencies
WHERE coin_key = coalesce((SELECT coin_key FROM cryptocurrencies WHERE canonical_id = %(coin)s),
                          (SELECT coin_key FROM redirects WHERE canonical_id = %(coin)s))
FOR SHARE;

-- name: insert_alert
-- A new rule.
INSERT INTO alerts (name, kind, coin, price, percent, direction, period, source, partial, webhook_url, secret, mail_to,
                    paused, created_by)
VALUES (%(name)s, %(kind)s, %(coin)s, %(price)s, %(percent)s, %(direction)s, %(period)s, %(source)s, %(partial)s,
        %(webhook_url)s, %(secret)s, %(mail_to)s, %(paused)s, %(by)s)
RETURNING id;

-- name: change_alert
-- Each but what is null; a webhook or the mails are taken away by name.
UPDATE alerts
SET name = coalesce(%(name)s, name), price = coalesce(%(price)s, price), percent = coalesce(%(percent)s, percent),
    direction = coalesce(%(direction)s, direction), period = coalesce(%(period)s, period),
    partial = coalesce(%(partial)s, partial), paused = coalesce(%(paused)s, paused),
    webhook_url = CASE WHEN NOT %(no_webhook)s THEN coalesce(%(webhook_url)s, webhook_url) END,
    secret = CASE WHEN NOT %(no_webhook)s THEN coalesce(%(secret)s, secret) END,
    mail_to = coalesce(%(mail_to)s::text[], mail_to)
WHERE id = %(alert)s;

-- name: delete_alert
-- A rule, with what it still had to deliver.
DELETE FROM alerts WHERE id = %(alert)s;

-- name: watch_anew
-- Whatever a rule knew of what it watches, it begins again from how things are now.
UPDATE alerts SET beyond = NULL, good_at = NULL, watched_from = now() WHERE id = %(alert)s;

-- name: forget_sightings_of_alert
-- What was seen and not looked at yet.
DELETE FROM alert_sightings WHERE alert_id = %(alert)s;

-- name: sight_price_now
-- The price that a rule starts from.
INSERT INTO alert_sightings (alert_id, coin_key, price, source, observed_at)
SELECT %(alert)s, coin_key, price, provenance ->> 'price', last_updated
FROM cryptocurrencies
WHERE canonical_id = %(coin)s AND price IS NOT NULL AND flags = '{}';

-- name: find_alert_of_key
-- What was asked under this key before, and the rule that it made.
SELECT request_hash, alert_id FROM idempotency_keys WHERE principal = %(principal)s AND key = %(key)s;

-- name: insert_alert_key
-- Remember which rule a key made.
INSERT INTO idempotency_keys (principal, key, request_hash, alert_id)
VALUES (%(principal)s, %(key)s, %(request_hash)s, %(alert)s);

-- name: alerts_to_look_at
-- Rules, or one, of which something was seen; what another process looks at just now is left to it.
SELECT id, name, kind, coin, price, percent, direction, period, source, beyond, webhook_url IS NOT NULL, mail_to
FROM alerts
WHERE (%(alert)s::bigint IS NULL OR id = %(alert)s) AND NOT paused
  AND EXISTS (SELECT FROM alert_sightings s WHERE s.alert_id = alerts.id)
ORDER BY id
LIMIT 100
FOR NO KEY UPDATE SKIP LOCKED;

-- name: sightings_of_alert
-- What was seen, in its order: a price with its source's lowest and highest of a window, or a job with how it ended.
SELECT s.id, s.price, s.source, s.observed_at, s.seen_at, h.lowest, h.highest, s.job_id, j.kind, j.state,
       (SELECT t.errors -> -1 ->> 'detail' FROM tasks t WHERE t.job_id = s.job_id AND t.state = 'failed'
        ORDER BY t.id DESC LIMIT 1)
FROM alert_sightings s
LEFT JOIN jobs j ON j.id = s.job_id
LEFT JOIN LATERAL (
    SELECT min(o.price) AS lowest, max(o.price) AS highest
    FROM source_mappings m JOIN price_history o USING (mapping_key)
    WHERE m.coin_key = s.coin_key AND m.source = s.source
      -- a wrapped coin's prices are its own: they count only where there is no native id
      AND m.relation = (SELECT min(r.relation) FROM source_mappings r WHERE r.coin_key = s.coin_key AND r.source = s.source)
      AND o.price > 0
      AND o.observed_at BETWEEN s.observed_at - %(period)s * interval '1 second' AND s.observed_at
) AS h ON %(period)s::float8 IS NOT NULL
WHERE s.alert_id = %(alert)s
ORDER BY s.id
LIMIT 500;

-- name: forget_sightings
-- What was looked at.
DELETE FROM alert_sightings WHERE id = ANY (%(sightings)s::bigint[]);

-- name: keep_beyond
-- Where a rule is now, and whether it fired.
UPDATE alerts SET beyond = %(beyond)s, last_fired_at = CASE WHEN %(fired)s THEN now() ELSE last_fired_at END
WHERE id = %(alert)s;

-- name: stale_alerts_to_look_at
-- Rules about sources, or one; what another process looks at just now is left to it.
SELECT id, name, source, period, beyond, good_at, watched_from, webhook_url IS NOT NULL, mail_to
FROM alerts
WHERE (%(alert)s::bigint IS NULL OR id = %(alert)s) AND kind = 'source_stale' AND NOT paused
ORDER BY id
FOR NO KEY UPDATE SKIP LOCKED;

-- name: good_fetches_since
-- When a source's good fetches ended since a time, and what time it is; without a time, only the last of them.
SELECT coalesce(array_agg(finished_at ORDER BY finished_at), '{}'), now()
FROM (
    SELECT finished_at FROM tasks
    WHERE kind = 'fetch' AND source = %(source)s AND state = 'succeeded'
      AND (%(since)s::timestamptz IS NULL OR finished_at > %(since)s)
    ORDER BY finished_at DESC
    LIMIT CASE WHEN %(since)s::timestamptz IS NULL THEN 1 ELSE 10000 END
) AS good;

-- name: keep_good_at
-- How fresh a source was when it was last looked at, and whether its rule fired.
UPDATE alerts
SET beyond = %(beyond)s, good_at = %(good_at)s, last_fired_at = CASE WHEN %(fired)s THEN now() ELSE last_fired_at END
WHERE id = %(alert)s;

-- name: insert_delivery
-- A message to be delivered, in the transaction that found its crossing.
INSERT INTO deliveries (alert_id, recipient, body) VALUES (%(alert)s, %(recipient)s, %(body)s);

-- name: claim_deliveries
-- Take what is due, or was lost with its sender; one at a time a receiver, so that a slow one holds up only itself.
WITH due AS (
    SELECT d.id FROM deliveries d
    WHERE d.state IN ('queued', 'running') AND coalesce(d.lease_until, d.run_at) <= now()
      AND d.attempt < %(most_attempts)s
      AND NOT EXISTS (
          SELECT FROM deliveries o
          WHERE o.alert_id = d.alert_id AND o.recipient IS NOT DISTINCT FROM d.recipient AND o.id <> d.id
            AND o.state IN ('queued', 'running')
            AND (o.lease_until > now()
                 -- the oldest of those that are due goes first, also when two ask at once
                 OR o.id < d.id AND coalesce(o.lease_until, o.run_at) <= now() AND o.attempt < %(most_attempts)s))
    ORDER BY coalesce(d.lease_until, d.run_at), d.id
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
UPDATE deliveries d
SET state = 'running', attempt = d.attempt + 1, fence = d.fence + 1,
    lease_until = now() + %(lease)s * interval '1 second'
FROM due, alerts a
WHERE d.id = due.id AND a.id = d.alert_id AND d.state IN ('queued', 'running')
RETURNING d.id, d.fence, d.attempt, d.message_id, a.id, a.name, d.recipient, d.body, a.webhook_url, a.secret;

-- name: end_lost_deliveries
-- Those whose last attempt was lost with its sender.
UPDATE deliveries
SET state = 'dead', lease_until = NULL, finished_at = now(), error = 'the sender was lost in mid-delivery'
WHERE state = 'running' AND lease_until < now() AND attempt >= %(most_attempts)s;

-- name: delivered
-- The receiver has it.
UPDATE deliveries SET state = 'delivered', lease_until = NULL, error = NULL, finished_at = now()
WHERE id = %(delivery)s AND fence = %(fence)s AND state = 'running';

-- name: postpone_delivery
-- It failed, and is tried again after some seconds.
UPDATE deliveries
SET state = 'queued', lease_until = NULL, error = %(error)s, run_at = now() + %(delay)s * interval '1 second'
WHERE id = %(delivery)s AND fence = %(fence)s AND state = 'running';

-- name: give_delivery_up
-- No repetition helps, or none is left.
UPDATE deliveries SET state = 'dead', lease_until = NULL, error = %(error)s, finished_at = now()
WHERE id = %(delivery)s AND fence = %(fence)s AND state = 'running';

-- name: send_again
-- One that was given up is due now, with all its attempts.
UPDATE deliveries SET state = 'queued', attempt = 0, run_at = now(), finished_at = NULL
WHERE alert_id = %(alert)s AND message_id = %(message)s AND state = 'dead';

-- name: deliveries_of_alert
-- A page of a rule's messages, or one of them, the latest first.
SELECT message_id, recipient, state, attempt, error, body::json ->> 'type', body::json -> 'data' ->> 'message', created_at,
       CASE WHEN state = 'queued' THEN run_at END, finished_at
FROM deliveries
WHERE alert_id = %(alert)s AND (%(message)s::text IS NULL OR message_id = %(message)s)
  AND (%(state)s::text IS NULL OR state = %(state)s)
ORDER BY id DESC
LIMIT %(page_size)s::bigint OFFSET %(offset)s::bigint;

-- name: count_deliveries_of_alert
-- How many there are.
SELECT count(*) FROM deliveries WHERE alert_id = %(alert)s AND (%(state)s::text IS NULL OR state = %(state)s);

-- name: prune_deliveries
-- What ended long ago.
DELETE FROM deliveries WHERE id IN (
    SELECT id FROM deliveries WHERE finished_at < now() - %(age)s * interval '1 second' ORDER BY finished_at LIMIT 1000
);

-- name: prune_sightings
-- What was seen for a rule that was deleted meanwhile.
DELETE FROM alert_sightings s WHERE NOT EXISTS (SELECT FROM alerts a WHERE a.id = s.alert_id);
