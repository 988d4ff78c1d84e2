"""Rules kept in the database: seen, made, changed, taken away. db/crossings.py finds what they cross."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

from core.errors import ProjectError
from db import crossings
from db.jobs import Idempotency, KeyReused
from db.pool import Connection
from db.queries import sql


class NoSuchAlert(ProjectError):
    """There is no alert of that id."""


class NoSuchCoin(ProjectError):
    """There is no coin of that id."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule; its secret stays in the database. `period` is in seconds; `pending` messages are not delivered yet."""

    id: int
    name: str
    kind: str
    coin: str | None
    price: Decimal | None
    percent: Decimal | None
    direction: str | None
    period: float | None
    source: str | None
    partial: bool
    webhook_url: str | None
    mail_to: Sequence[str]
    paused: bool
    beyond: bool | None
    last_fired_at: datetime | None
    created_by: str
    created_at: datetime
    pending: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rule is to be; in a change, None is as it was, and `no_webhook` takes the webhook away."""

    name: str | None = None
    price: Decimal | None = None
    percent: Decimal | None = None
    direction: str | None = None
    period: float | None = None
    partial: bool | None = None
    paused: bool | None = None
    webhook_url: str | None = None
    secret: str | None = None
    mail_to: list[str] | None = None
    no_webhook: bool = False

    def moves(self, now: Sequence[object]) -> bool:
        """Whether it asks for another price, percent, direction, period or pausing than there is now, in this order."""
        marks = (self.price, self.percent, self.direction, self.period, self.paused)
        return any(mark is not None and mark != before for mark, before in zip(marks, now, strict=True))


def page_of_alerts(connection: Connection, *, page: int, page_size: int) -> tuple[list[Alert], int]:
    """A page of rules, and how many there are."""
    place = {"alert": None, "page_size": page_size, "offset": (page - 1) * page_size}
    rows = connection.execute(sql("alerts"), place).fetchall()
    return [Alert(*row) for row in rows], _count(connection)


def one(connection: Connection, alert_id: int) -> Alert:
    """Raises NoSuchAlert."""
    row = connection.execute(sql("alerts"), {"alert": alert_id, "page_size": 1, "offset": 0}).fetchone()
    if row is None:
        raise _unknown(alert_id)
    return Alert(*row)


def create(connection: Connection, wish: Wish, *, kind: str, coin: str | None, source: str | None, by: str) -> int:
    """A new rule, which starts from how things are now; its id. Raises NoSuchCoin."""
    coin = None if coin is None else _hold_coin(connection, coin)
    asked = {**asdict(wish), "partial": bool(wish.partial), "paused": bool(wish.paused), "mail_to": wish.mail_to or []}
    row = connection.execute(
        sql("insert_alert"), {**asked, "kind": kind, "coin": coin, "source": source, "by": by}
    ).fetchone()
    assert row is not None  # noqa: S101
    if coin is not None:
        connection.execute(sql("sight_price_now"), {"alert": row[0], "coin": coin})
    return int(row[0])


def change(connection: Connection, alert_id: int, wish: Wish) -> None:
    """Change a rule; one with another mark, or resumed, starts again from how things are now.

    What it saw until now is judged by what it was. Raises NoSuchAlert.
    """
    row = connection.execute(sql("lock_alert"), {"alert": alert_id}).fetchone()
    if row is None:
        raise _unknown(alert_id)
    coin, *now = row
    moves = wish.moves(now)
    if moves:
        crossings.catch_up(connection, alert_id)
    connection.execute(sql("change_alert"), {**asdict(wish), "alert": alert_id})
    if not moves:
        return
    try:
        coin = None if coin is None else _hold_coin(connection, coin)
    except NoSuchCoin:
        # All data were cleared: the rule waits for the coin to come back.
        coin = None
    connection.execute(sql("watch_anew"), {"alert": alert_id})
    connection.execute(sql("forget_sightings_of_alert"), {"alert": alert_id})
    if coin is not None and not wish.paused:
        connection.execute(sql("sight_price_now"), {"alert": alert_id, "coin": coin})


def delete(connection: Connection, alert_id: int) -> None:
    """Take a rule away, with what it still had to deliver."""
    connection.execute(sql("delete_alert"), {"alert": alert_id})
    connection.execute(sql("forget_sightings_of_alert"), {"alert": alert_id})


def once(connection: Connection, idempotency: Idempotency | None, make: Callable[[], int]) -> tuple[int, bool]:
    """The id of what `make` makes; or, True, the one that the same request under the same key made before.

    Raises KeyReused.
    """
    if idempotency is None:
        return make(), False
    who = {"principal": idempotency.principal, "key": idempotency.key}
    connection.execute(sql("lock_idempotency_key"), who)
    if found := connection.execute(sql("find_alert_of_key"), who).fetchone():
        if found[0] != idempotency.request_hash:
            raise KeyReused("This Idempotency-Key was used before, for another request; choose a new one.")
        return int(found[1]), True
    made = make()
    connection.execute(sql("insert_alert_key"), {**who, "request_hash": idempotency.request_hash, "alert": made})
    return made, False


def _hold_coin(connection: Connection, coin: str) -> str:
    row = connection.execute(sql("hold_coin"), {"coin": coin}).fetchone()
    if row is None:
        raise NoSuchCoin(f"There is no coin {coin!r}.")
    return str(row[0])


def _count(connection: Connection) -> int:
    row = connection.execute(sql("count_alerts")).fetchone()
    return int(row[0]) if row else 0


def _unknown(alert_id: int) -> NoSuchAlert:
    return NoSuchAlert(f"There is no alert {alert_id}.")
