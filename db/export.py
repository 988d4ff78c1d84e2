"""Everything that is stored of one kind, batch by batch out of one snapshot: neither side holds it whole."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from types import MappingProxyType

import psycopg
from psycopg.types.string import TextLoader

from core.errors import Unavailable
from core.exporting import FIGURE, FLAG, JSON, LIST, TEXT, TIME, WHOLE, Column, Row
from db.coins import matching
from db.pool import Database
from db.queries import sql

# A batch is some 200 KB as text.
BATCH = 1_000
# Waiting for a batch, and for whoever reads it, in seconds; a snapshot kept for long keeps Postgres from tidying up.
_PIECE_SECONDS = 60
IDLE_SECONDS = 30
LONGEST_SECONDS = 15 * 60


_FIGURES = ("price", "market_cap", "volume_24h")
COLUMNS: Mapping[str, tuple[Column, ...]] = MappingProxyType(
    {
        "coins": (
            *(Column(name, TEXT) for name in ("canonical_id", "symbol", "name")),
            *(Column(name, FIGURE) for name in (*_FIGURES, "price_change_24h")),
            Column("rank", WHOLE),
            *(Column(name, FIGURE) for name in ("circulating_supply", "total_supply", "max_supply")),
            Column("source", TEXT),
            Column("last_updated", TIME),
            Column("time_assumed", FLAG),
            Column("flags", LIST),
            Column("provenance", JSON),
        ),
        "quotes": (
            *(
                Column(name, TEXT)
                for name in ("canonical_id", "source", "source_id", "symbol", "name", "relation", "matched_by")
            ),
            *(Column(name, FIGURE) for name in (*_FIGURES, "price_change_24h", "high_24h", "low_24h")),
            *(Column(name, FIGURE) for name in ("circulating_supply", "total_supply", "max_supply")),
            Column("rank", WHOLE),
            Column("observed_at", TIME),
            Column("time_assumed", FLAG),
            Column("fetched_at", TIME),
            Column("flags", LIST),
        ),
        "history": (
            *(Column(name, TEXT) for name in ("canonical_id", "source", "source_id", "relation")),
            Column("observed_at", TIME),
            Column("time_assumed", FLAG),
            *(Column(name, FIGURE) for name in _FIGURES),
        ),
    }
)
_STATEMENTS = {"coins": "export_coins", "quotes": "export_quotes", "history": "export_history"}


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """What to export: `what` is one of COLUMNS; `begin` until before `until` are for history alone.

    `source` is the winning one of coins, a quote's or observation's own otherwise; `symbol`, `canonical_id` and
    `search` (a part of symbol, name or canonical_id) are the coin's.
    """

    what: str
    source: str | None = None
    symbol: str | None = None
    canonical_id: str | None = None
    search: str | None = None
    begin: datetime | None = None
    until: datetime | None = None


def batches(
    database: Database, query: ExportQuery, *, idle: float = IDLE_SECONDS, longest: float = LONGEST_SECONDS
) -> Generator[Sequence[Row], None, None]:
    """The rows, a batch at a time, all as they were when the first was asked for; figures and JSON as text.

    Holds a connection until it is exhausted or closed. Raises Unavailable when Postgres is away, a reader leaves a
    batch lying for more than `idle` seconds, or all of it takes more than `longest` seconds.
    """
    ends = time.monotonic() + longest
    values = {**asdict(query), "like": matching(query.search)}
    with database.connection() as connection, connection.transaction():
        connection.execute(sql("one_snapshot"))
        connection.execute(sql("limits_of_an_export"), {"idle": f"{idle:.0f}s", "piece": f"{_PIECE_SECONDS}s"})
        with connection.cursor(name="export") as cursor:
            for exact in ("numeric", "jsonb"):
                cursor.adapters.register_loader(exact, TextLoader)
            cursor.execute(sql(_STATEMENTS[query.what]), values)
            while rows := _next_batch(cursor):
                yield rows
                if time.monotonic() > ends:
                    raise Unavailable(f"the export was given up after {longest:.0f} seconds")


def _next_batch(cursor: psycopg.ServerCursor[Row]) -> list[Row]:
    try:
        return cursor.fetchmany(BATCH)
    except psycopg.Error:
        # Postgres has gone, or ended us: a connection that isn't known to be closed would be asked to close its cursor.
        cursor.connection.close()
        raise
