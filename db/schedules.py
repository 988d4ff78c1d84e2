"""Jobs that come by the clock: a slot has at most one, whoever asks."""

from __future__ import annotations

from collections.abc import Sequence

from db.jobs import Submitted, TaskOrder, insert_fetches, insert_job
from db.pool import Database
from db.queries import sql

# Processes that start within this many seconds of each other belong to one start of the program.
_ONE_START_SECONDS = 60


def start_slot(database: Database, order: TaskOrder, *, every: float, max_attempts: int) -> Submitted | None:
    """The job of the slot that runs now (slots are `every` seconds long, counted from 1970); None when it exists."""
    with database.transaction() as connection:
        row = connection.execute(sql("current_slot"), {"source": order.source, "every": every}).fetchone()
        assert row is not None  # noqa: S101
        taken = connection.execute(sql("slot_is_taken"), {"slot": row[0]}).fetchone()
        if taken and taken[0]:
            return None
        job = insert_job(connection, kind=order.source, requested_by="schedule", slot=row[0])
        return None if job is None else Submitted(job, insert_fetches(connection, job, [order], max_attempts))


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
