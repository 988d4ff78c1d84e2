"""What an operator looks at: who works on what, and what failed for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.health import ALIVE_SECONDS
from db.pool import Connection
from db.queries import sql

_MOST_RUNNING = 500


@dataclass(frozen=True, slots=True)
class Doing:
    """A task that somebody works on; `since` it was first begun."""

    worker: str | None
    task_id: int
    job_id: int
    kind: str
    source: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process and its tasks; `since` is None for one that is not known to be alive."""

    id: str
    since: datetime | None
    tasks: Sequence[Doing]


def workers(connection: Connection) -> list[Worker]:
    """Those that are alive, the longest-lived first, then those whose tasks are still theirs until their lease ends."""
    alive = connection.execute(sql("living_workers"), {"within": ALIVE_SECONDS}).fetchall()
    doing: dict[str, list[Doing]] = {}
    for row in connection.execute(sql("running_tasks"), {"most": _MOST_RUNNING}):
        doing.setdefault(row[0] or "", []).append(Doing(*row))
    known = [Worker(name, since, doing.pop(name, [])) for name, since in alive]
    return [*known, *(Worker(name, None, tasks) for name, tasks in sorted(doing.items()))]


def dead_letters_by_source(connection: Connection) -> dict[str, int]:
    return dict(connection.execute(sql("dead_letters_by_source")).fetchall())
