"""What happened since somebody last looked, asked of Postgres alone: no log of events, no message that may get lost.

A cursor is what a client shows to be told what it missed, `<transaction>-<data version>`: all transactions before that
one have been told of. What one process gave any other understands, on any host and after any restart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from db.health import workers_alive
from db.pool import Connection
from db.queries import sql

# Beyond that many a client had better read everything anew.
MOST_JOBS = 200
# A page that was rendered just before its stream began missed nothing.
_LATELY_SECONDS = 10

_CURSOR = re.compile(r"([1-9][0-9]{0,17})-([0-9]{1,30}\.[0-9]{1,20})")
_LARGEST_XID = 2**63


@dataclass(frozen=True, slots=True)
class Moment:
    """Up to where everything was seen: a Postgres snapshot and a data version."""

    snapshot: str
    version: str

    @property
    def cursor(self) -> str:
        """What a client is given of it. A bit early when transactions are long: being told twice does no harm."""
        return f"{self.snapshot.partition(':')[0]}-{self.version}"

    @classmethod
    def of_cursor(cls, cursor: str) -> Moment | None:
        """The moment of a cursor that a client sends; None when it is none of ours."""
        match = _CURSOR.fullmatch(cursor)
        if not match or int(match[1]) >= _LARGEST_XID:
            return None
        return cls(f"{match[1]}:{match[1]}:", match[2])

    def is_before(self, later: Moment) -> bool:
        """Whether the two belong to one life of one server, this one to its past."""
        same_life = self.version.partition(".")[2] == later.version.partition(".")[2]
        return same_life and int(self.snapshot.partition(":")[0]) <= int(later.snapshot.partition(":")[0])


@dataclass(frozen=True, slots=True)
class JobState:
    """How far a job is, in tasks."""

    id: int
    state: str
    kind: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class QueueState:
    """Tasks that are due, that somebody works on, and whose time is to come; the longest wait in seconds."""

    ready: int
    in_flight: int
    later: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class SystemState:
    """The queues by name, and how many worker processes are alive."""

    queues: dict[str, QueueState]
    workers: int


def now(connection: Connection) -> Moment:
    row = connection.execute(sql("moment_of_events")).fetchone()
    assert row is not None  # noqa: S101
    return Moment(*row)


def jobs_since(connection: Connection, moment: Moment) -> Sequence[JobState] | None:
    """The jobs that changed since; None when they are more than MOST_JOBS."""
    rows = connection.execute(
        sql("jobs_changed_since"), {"snapshot": moment.snapshot, "most": MOST_JOBS + 1}
    ).fetchall()
    return None if len(rows) > MOST_JOBS else [JobState(*row) for row in rows]


def jobs_lately(connection: Connection) -> Sequence[JobState]:
    """The newest of the jobs that run or have just ended."""
    rows = connection.execute(sql("jobs_lately"), {"within": _LATELY_SECONDS, "most": MOST_JOBS})
    return [JobState(*row) for row in rows]


def system(connection: Connection, queues: Sequence[str]) -> SystemState:
    rows = connection.execute(sql("queues_now"), {"queues": list(queues)})
    return SystemState({row[0]: QueueState(*row[1:]) for row in rows}, workers_alive(connection))
