"""Jobs that come by the clock: a slot has at most one, whoever asks, and slots that were missed have one together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from core.models import JsonObject
from core.slots import Slots
from db.jobs import Submitted, TaskOrder, insert_fetches, insert_job
from db.pool import Connection, Database
from db.queries import sql

# Processes that start within this many seconds of each other belong to one start of the program.
_ONE_START_SECONDS = 60

# What a schedule's job is to fetch, by its kind and params; nothing when this release doesn't know the kind.
Orders = Callable[[str, JsonObject], Sequence[TaskOrder]]


def start_due(database: Database, orders: Orders, *, max_attempts: int) -> list[Submitted]:
    """The jobs of the schedules that are due, one each, and each set to its next slot, in one transaction."""
    with database.transaction() as connection:
        due = connection.execute(sql("due_schedules")).fetchall()
        made = [_start(connection, orders, max_attempts, *row) for row in due]
    return [submitted for submitted in made if submitted]


def _start(
    connection: Connection,
    orders: Orders,
    max_attempts: int,
    schedule: int,
    origin: str,
    kind: str,
    params: JsonObject,
    every: float | None,
    cron: str | None,
    due: datetime,
    now: datetime,
) -> Submitted | None:
    slots = Slots(every, cron)
    if origin == "environment" and every is not None:
        named = {"source": kind, "number": slots.number(now), "every": every}
        slot = str((connection.execute(sql("environment_slot"), named).fetchone() or ("",))[0])
    else:
        slot = f"slot:{schedule}:{due.astimezone(UTC).isoformat()}"
    ordered = orders(kind, params)
    job = insert_job(connection, kind=kind, requested_by="schedule", slot=slot) if ordered else None
    connection.execute(sql("schedule_ran"), {"schedule": schedule, "next": slots.after(now), "job": job})
    return None if job is None else Submitted(job, insert_fetches(connection, job, ordered, max_attempts))


def start_startup(database: Database, orders: Sequence[TaskOrder], *, max_attempts: int) -> Submitted | None:
    """The job of this start of the program; None when a process that started just before has made it."""
    with database.transaction() as connection:
        connection.execute(sql("lock_startup"))
        lately = connection.execute(sql("started_lately"), {"within": _ONE_START_SECONDS}).fetchone()
        if lately and lately[0]:
            return None
        row = connection.execute(sql("startup_slot")).fetchone()
        assert row is not None  # noqa: S101
        kind = orders[0].source if len(orders) == 1 else "all"
        job = insert_job(connection, kind=kind, requested_by="startup", slot=row[0])
        return None if job is None else Submitted(job, insert_fetches(connection, job, orders, max_attempts))
