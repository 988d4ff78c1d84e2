"""Finding crossings: each once, with the messages that tell of it, in one transaction.

What happens to a watched coin or job leaves a sighting in the transaction in which it happens (a trigger's work, see
db/migrations/0011). Here sightings are taken away in their order, the rule's state is moved on, and the messages are
written, all under the rule's row lock and all or nothing: two processes can't find one crossing twice, and a process
that dies has found none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from core import alerts
from core.alerts import Mark, Sighting, Staleness
from db.pool import Connection, Database
from db.queries import sql


@dataclass(frozen=True, slots=True)
class _Rule:
    id: int
    name: str
    kind: str
    coin: str | None
    price: Decimal | None
    percent: Decimal | None
    direction: str | None
    period: float | None
    source: str | None
    beyond: bool | None
    webhook: bool
    mail_to: Sequence[str]

    @property
    def mark(self) -> Mark:
        return Mark(self.kind, self.price, self.percent, self.direction)


@dataclass(frozen=True, slots=True)
class _Seen:
    id: int
    price: Decimal | None
    source: str | None
    observed_at: datetime | None
    seen_at: datetime
    lowest: Decimal | None
    highest: Decimal | None
    job_id: int | None
    job_kind: str | None
    job_state: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class _StaleRule:
    id: int
    name: str
    source: str
    period: float
    beyond: bool | None
    good_at: datetime | None
    watched_from: datetime
    webhook: bool
    mail_to: Sequence[str]


def look_at_sightings(database: Database) -> int:
    """Look at what was seen, of up to 100 rules; how many rules fired."""
    with database.transaction() as connection:
        return sum(_look(connection, rule) for rule in _rules(connection, None))


def look_at_sources(database: Database) -> int:
    """See which watched sources have gone stale; how many rules fired."""
    with database.transaction() as connection:
        return sum(_look_at_source(connection, rule) for rule in _stale_rules(connection, None))


def catch_up(connection: Connection, alert_id: int) -> None:
    """Look at everything that one rule, which this transaction holds, has seen so far."""
    while rules := _rules(connection, alert_id):
        _look(connection, rules[0])
    for rule in _stale_rules(connection, alert_id):
        _look_at_source(connection, rule)


def _rules(connection: Connection, alert_id: int | None) -> list[_Rule]:
    return [_Rule(*row) for row in connection.execute(sql("alerts_to_look_at"), {"alert": alert_id}).fetchall()]


def _stale_rules(connection: Connection, alert_id: int | None) -> list[_StaleRule]:
    rows = connection.execute(sql("stale_alerts_to_look_at"), {"alert": alert_id}).fetchall()
    return [_StaleRule(*row) for row in rows]


def _look(connection: Connection, rule: _Rule) -> bool:
    # A statement of its own: its snapshot is taken after the rule was locked.
    seen = [
        _Seen(*row)
        for row in connection.execute(sql("sightings_of_alert"), {"alert": rule.id, "period": rule.period}).fetchall()
    ]
    found = list(_jobs(rule, seen)) if rule.kind == "job_failed" else []
    now_beyond = rule.beyond
    if rule.kind != "job_failed":
        sightings = [_sighting(each) for each in seen if each.price is not None]
        now_beyond, crossed = alerts.crossings(rule.mark, rule.beyond, sightings)
        at = seen[-1].seen_at if seen else None
        found = [_price_message(rule, each, at) for each in crossed]
    for body in found:
        _deliver(connection, rule.id, rule.webhook, rule.mail_to, body)
    connection.execute(sql("keep_beyond"), {"alert": rule.id, "beyond": now_beyond, "fired": bool(found)})
    connection.execute(sql("forget_sightings"), {"sightings": [each.id for each in seen]})
    return bool(found)


def _sighting(seen: _Seen) -> Sighting:
    assert seen.price is not None  # noqa: S101
    return Sighting(seen.price, seen.source, seen.observed_at, seen.lowest, seen.highest)


def _price_message(rule: _Rule, seen: Sighting, at: datetime | None) -> str:
    facts: dict[str, object] = {**_named(rule.id, rule.name), "coin": rule.coin, "price": seen.price}
    if rule.kind == "price_change":
        change = alerts.change_of(rule.mark, seen)
        facts |= {"change_percent": change, "percent": rule.percent, "within_seconds": int(rule.period or 0)}
        sentence = f"{rule.coin} has changed by {change}% and is at {seen.price:f}"
    else:
        word = "above" if rule.kind == "price_above" else "below"
        facts |= {"threshold": rule.price}
        sentence = f"{rule.coin} is {word} {rule.price:f}: {seen.price:f}"
    facts |= {"source": seen.source, "observed_at": seen.observed_at}
    moment = seen.observed_at or at
    assert moment is not None  # noqa: S101
    return alerts.message(rule.kind, moment, sentence, facts)


def _jobs(rule: _Rule, seen: Sequence[_Seen]) -> Iterator[str]:
    for each in seen:
        ended = (each.job_state or "failed").replace("_", " ")
        sentence = f"job {each.job_id} ({each.job_kind or 'no longer kept'}) ended as {ended}"
        facts = {
            **_named(rule.id, rule.name),
            "job": each.job_id,
            "kind": each.job_kind,
            "state": each.job_state,
            "error": each.error,
        }
        yield alerts.message(rule.kind, each.seen_at, sentence, facts)


def _look_at_source(connection: Connection, rule: _StaleRule) -> bool:
    row = connection.execute(sql("good_fetches_since"), {"source": rule.source, "since": rule.good_at}).fetchone()
    assert row is not None  # noqa: S101
    good, now = row
    before = Staleness(rule.beyond, rule.good_at or next(iter(good), rule.watched_from))
    if rule.beyond is None and not good:
        # Never fetched: it has from now on as long as any other.
        before = Staleness(False, before.good_at)
    state, crossed = alerts.went_stale(before, good if rule.good_at else [], now, timedelta(seconds=rule.period))
    for since in crossed:
        sentence = f"{rule.source} has had no good fetch for {rule.period:g} s"
        facts = {
            **_named(rule.id, rule.name),
            "source": rule.source,
            "after_seconds": int(rule.period),
            "stale_since": since,
            "last_good_fetch": since - timedelta(seconds=rule.period),
        }
        _deliver(
            connection, rule.id, rule.webhook, rule.mail_to, alerts.message("source_stale", since, sentence, facts)
        )
    kept = {"alert": rule.id, "beyond": state.beyond, "good_at": state.good_at, "fired": bool(crossed)}
    connection.execute(sql("keep_good_at"), kept)
    return bool(crossed)


def _named(alert_id: int, name: str) -> Mapping[str, object]:
    return {"alert_id": alert_id, "alert": name}


def _deliver(connection: Connection, alert_id: int, webhook: bool, mail_to: Sequence[str], body: str) -> None:
    for recipient in (*((None,) if webhook else ()), *mail_to):
        connection.execute(sql("insert_delivery"), {"alert": alert_id, "recipient": recipient, "body": body})
