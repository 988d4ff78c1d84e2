"""How the queues were over the last day: a sample each ten seconds, whatever number of processes takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.health import ALIVE_SECONDS
from db.pool import Connection, Database
from db.queries import sql

APART_SECONDS = 10
KEPT_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Sample:
    """A queue at a moment. `oldest`: the longest wait in seconds; `succeeded`, `failed`: ended since the one before."""

    taken_at: datetime
    queue: str
    ready: int
    in_flight: int
    later: int
    oldest: float | None
    succeeded: int
    failed: int
    workers: int


def take(database: Database, queues: Sequence[str]) -> None:
    """Take the sample of the running ten seconds unless another process has, and drop those of yesterday."""
    with database.connection() as connection:
        connection.execute(sql("take_sample"), {"queues": list(queues), "within": ALIVE_SECONDS})
        connection.execute(sql("prune_samples"))


def since(connection: Connection, seconds: float) -> list[Sample]:
    """The samples of the last so many seconds, the oldest first."""
    return [Sample(*row) for row in connection.execute(sql("samples_since"), {"seconds": seconds})]
