"""Who holds which task: renewing, handing back, taking back, and what is due. The database's clock alone counts."""

from __future__ import annotations

from collections.abc import Mapping

from db.jobs import Doorbell, settle
from db.pool import Database
from db.queries import sql

# Ring a second time for a task that nobody took in this many seconds: its message was lost.
_RING_AGAIN_SECONDS = 6


def renew(database: Database, fences: Mapping[int, int], *, lease: float) -> None:
    """Keep the tasks (id: fence) that this process works on."""
    with database.connection() as connection:
        connection.execute(
            sql("renew_leases"), {"tasks": list(fences), "fences": list(fences.values()), "lease": lease}
        )


def hand_back(database: Database, fences: Mapping[int, int]) -> list[Doorbell]:
    """Give up tasks (id: fence) unfinished, without cost of an attempt; whoever still works on them is fenced off."""
    with database.transaction() as connection:
        rows = connection.execute(
            sql("hand_back_tasks"), {"tasks": list(fences), "fences": list(fences.values())}
        ).fetchall()
    return [Doorbell(*row) for row in rows]


def take_back_lost(database: Database) -> int:
    """Queue the tasks again whose lease ran out, or end them failed after their last attempt; how many there were."""
    with database.transaction() as connection:
        rows = connection.execute(sql("take_back_lost_tasks")).fetchall()
        for job in sorted({job for _, job, _, _, state in rows if state == "failed"}):
            settle(connection, job)
    return len(rows)


def due(database: Database, *, most: int, again: bool) -> list[Doorbell]:
    """Mark at most `most` due tasks as dispatched and say which; commit comes before the bell, or a claim would wait.

    `again` includes those that were rung long ago.
    """
    with database.connection() as connection:
        rows = connection.execute(
            sql("dispatch_due_tasks"), {"most": most, "again": again, "again_after": _RING_AGAIN_SECONDS}
        ).fetchall()
    return [Doorbell(*row) for row in rows]


def sign_of_life(database: Database, worker: str) -> None:
    """Say that this worker process is alive."""
    with database.connection() as connection:
        connection.execute(sql("sign_of_life"), {"worker": worker})


def forget_worker(database: Database, worker: str) -> None:
    """Say that this worker process has stopped, and drop those long gone."""
    with database.connection() as connection:
        connection.execute(sql("forget_worker"), {"worker": worker})
