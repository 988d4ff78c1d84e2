"""What Postgres can say of the system's state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.settings import Settings
from core.sources import SOURCES, configured
from db.pool import Connection
from db.queries import sql

# Workers give a sign of life every few seconds.
ALIVE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """When a source was last fetched well, how many seconds ago that was, and its latest failure, if it is recent."""

    source: str
    last_success: datetime | None
    age: float | None
    failed_at: datetime | None
    failure: str | None


def schema_version(connection: Connection) -> int:
    """The number of the last migration that ran; 0 before the first."""
    if connection.execute(sql("has_schema")).fetchone() != (True,):
        return 0
    return _number(connection, "schema_version")


def total_records(connection: Connection) -> int:
    return _number(connection, "count_coins")


def workers_alive(connection: Connection) -> int:
    row = connection.execute(sql("workers_alive"), {"within": ALIVE_SECONDS}).fetchone()
    return int(row[0]) if row else 0


def oldest_waiting(connection: Connection) -> dict[str, float]:
    """By queue, for how many seconds its longest-waiting task has been due; a queue where none waits has no entry."""
    return dict(connection.execute(sql("oldest_waiting")).fetchall())


def source_freshness(connection: Connection, sources: Sequence[str]) -> list[SourceHealth]:
    rows = connection.execute(sql("source_freshness"), {"sources": list(sources)})
    return [SourceHealth(*row) for row in rows]


def sources_in_sight(connection: Connection, settings: Settings) -> list[SourceHealth]:
    """The sources that the settings name, and any other that was ever asked."""
    named = configured(settings)
    return [
        each
        for each in source_freshness(connection, list(SOURCES))
        if each.source in named or each.last_success or each.failed_at
    ]


def _number(connection: Connection, statement: str) -> int:
    row = connection.execute(sql(statement)).fetchone()
    return int(row[0]) if row else 0
