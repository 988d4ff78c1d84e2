"""What /metrics tells for all processes together: counters that only grow, and how things stand now.

Ended tasks are counted from their rows, each exactly once, by whichever process comes first; a worker that is killed
takes nothing away. What has no row, such as a call of an upstream, each process counts by itself and adds now and then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from db.pool import Connection, Database
from db.queries import sql

# Seconds at which a histogram's buckets end.
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
APART_SECONDS = 2.0

# A counter's name and its labels' values.
Key = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class OpenTasks:
    """Of a queue: tasks that are due and wait, run, and come later; for how many seconds the first has been due."""

    waiting: int
    running: int
    later: int
    oldest: float


def count_ended(database: Database, apart: float = APART_SECONDS) -> bool:
    """Count what ended since it was last done, by whichever process, if that is `apart` seconds ago; whether it was."""
    with database.transaction() as connection:
        # Two statements, not one: the count's snapshot must be taken after the lock was.
        if connection.execute(sql("lock_counted"), {"apart": apart}).fetchone() is None:
            return False
        connection.execute(sql("count_ended_tasks"), {"bounds": list(BOUNDS)})
        return True


def add(database: Database, counts: Mapping[Key, float]) -> None:
    """Add these to the counters. Raises Unavailable."""
    keys = sorted(counts)
    with database.connection() as connection:
        connection.execute(
            sql("add_to_counters"),
            {
                "names": [name for name, _ in keys],
                "labels": [Jsonb(labels) for _, labels in keys],
                "values": [counts[key] for key in keys],
            },
        )


def counters(connection: Connection) -> dict[str, dict[tuple[str, ...], float]]:
    """By name and labels, what was counted since the schema was made."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for name, labels, value in connection.execute(sql("read_counters")):
        found.setdefault(name, {})[tuple(labels)] = value
    return found


def open_tasks(connection: Connection) -> dict[str, OpenTasks]:
    """By queue; one without open tasks has no entry."""
    return {queue: OpenTasks(*counts) for queue, *counts in connection.execute(sql("open_tasks"))}


def open_jobs(connection: Connection) -> dict[str, int]:
    """By state, the jobs that have not ended."""
    return dict(connection.execute(sql("open_jobs")).fetchall())
