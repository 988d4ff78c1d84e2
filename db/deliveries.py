"""Messages on their way: claimed with a lease and a fence, like tasks; sent at least once, under one id."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from core.errors import ProjectError
from db.jobs import NotRetryable
from db.pool import Connection, Database
from db.queries import sql

STATES = ("queued", "running", "delivered", "dead")


class NoSuchDelivery(ProjectError):
    """The alert has no message of that id."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that is ours to send until its lease runs out. `recipient` is a mail address; None: the webhook."""

    id: int
    fence: int
    attempt: int
    message_id: str
    alert_id: int
    alert: str
    recipient: str | None
    body: str = field(repr=False)
    webhook_url: str | None = field(repr=False)
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivered:
    """How far a message came."""

    message_id: str
    recipient: str | None
    state: str
    attempts: int
    error: str | None
    type: str
    message: str
    created_at: datetime
    next_attempt_at: datetime | None
    finished_at: datetime | None


def claim(database: Database, *, most: int, most_attempts: int, lease: float) -> list[Delivery]:
    """Take up to `most` messages that are due, for `lease` seconds; one whose last attempt was lost ends dead."""
    with database.connection() as connection:
        connection.execute(sql("end_lost_deliveries"), {"most_attempts": most_attempts})
        rows = connection.execute(
            sql("claim_deliveries"), {"most": most, "most_attempts": most_attempts, "lease": lease}
        ).fetchall()
    return [Delivery(*row) for row in rows]


def arrived(database: Database, sent: Delivery) -> None:
    """The receiver has it; nothing happens when the delivery is no longer ours."""
    with database.connection() as connection:
        connection.execute(sql("delivered"), {"delivery": sent.id, "fence": sent.fence})


def failed(database: Database, sent: Delivery, error: str, *, again_in: float | None) -> None:
    """Try again in so many seconds, or (None) never; nothing happens when the delivery is no longer ours."""
    what = {"delivery": sent.id, "fence": sent.fence, "error": error}
    with database.connection() as connection:
        if again_in is None:
            connection.execute(sql("give_delivery_up"), what)
        else:
            connection.execute(sql("postpone_delivery"), {**what, "delay": again_in})


def page_of_deliveries(
    connection: Connection, alert_id: int, *, state: str | None, page: int, page_size: int
) -> tuple[list[Delivered], int]:
    """A page of a rule's messages, the latest first, and how many there are."""
    which = {"alert": alert_id, "message": None, "state": state}
    place = {**which, "page_size": page_size, "offset": (page - 1) * page_size}
    rows = connection.execute(sql("deliveries_of_alert"), place).fetchall()
    counted = connection.execute(sql("count_deliveries_of_alert"), which).fetchone()
    return [Delivered(*row) for row in rows], int(counted[0]) if counted else 0


def one(connection: Connection, alert_id: int, message_id: str) -> Delivered:
    """A rule's message. Raises NoSuchDelivery."""
    which = {"alert": alert_id, "message": message_id, "state": None, "page_size": 1, "offset": 0}
    row = connection.execute(sql("deliveries_of_alert"), which).fetchone()
    if row is None:
        raise NoSuchDelivery(f"Alert {alert_id} has no message {message_id}.")
    return Delivered(*row)


def send_again(connection: Connection, alert_id: int, message_id: str) -> None:
    """Let a message that was given up begin anew, under its id. Raises NoSuchDelivery, NotRetryable."""
    if connection.execute(sql("send_again"), {"alert": alert_id, "message": message_id}).rowcount == 0:
        found = one(connection, alert_id, message_id)
        raise NotRetryable(f"Message {message_id} was not given up: it is {found.state}.")


def prune(database: Database, age: float) -> None:
    """Forget messages that ended `age` seconds ago, and what was seen for rules that are gone."""
    with database.connection() as connection:
        connection.execute(sql("prune_deliveries"), {"age": age})
        connection.execute(sql("prune_sightings"))
