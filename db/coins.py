"""Reading what was collected. Answers are JSON text made by Postgres: a figure keeps the digits it is stored with."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql as compose

from core.errors import Unavailable
from db import quotes
from db.pool import Connection
from db.queries import sql

# By what a list may be sorted: the columns of that name. Nothing else ever gets into the statement.
SORTS = (
    "market_cap",
    "price",
    "volume_24h",
    "price_change_24h",
    "name",
    "symbol",
    "canonical_id",
    "last_updated",
    "rank",
)
_SPECIAL = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


@dataclass(frozen=True, slots=True)
class CoinQuery:
    """Which golden records. `source` is the winning one, `search` a part of symbol, name or canonical_id."""

    page: int
    page_size: int
    sort: str = "market_cap"
    descending: bool = True
    source: str | None = None
    symbol: str | None = None
    canonical_id: str | None = None
    search: str | None = None


def page_of_coins(connection: Connection, query: CoinQuery) -> str:
    """A page of golden records in the list's envelope, as JSON. Unknown figures come last, whichever way is sorted."""
    if query.sort not in SORTS:
        raise ValueError(query.sort)
    order = compose.SQL("{} DESC NULLS LAST" if query.descending else "{} ASC NULLS LAST").format(
        compose.Identifier(query.sort)
    )
    return _text(
        connection.execute(
            compose.SQL(sql("page_of_coins")).format(order=order),
            {
                "source": query.source,
                "symbol": query.symbol,
                "canonical_id": query.canonical_id,
                "like": None if query.search is None else f"%{query.search.translate(_SPECIAL)}%",
                "page": query.page,
                "page_size": query.page_size,
                "offset": (query.page - 1) * query.page_size,
            },
        ).fetchone()
    )


def one_coin(connection: Connection, canonical_id: str) -> str | None:
    """A coin with its quotes by source, mappings and provenance, as JSON; None when there is none of that id."""
    row = connection.execute(sql("one_coin"), {"canonical_id": canonical_id}).fetchone()
    return None if row is None else _text(row)


def market_stats(connection: Connection) -> str:
    """Totals, average price, gainers and losers, as JSON. Coins with flags count in total_coins alone."""
    return _text(connection.execute(sql("market_stats")).fetchone())


def clear_data(connection: Connection) -> int:
    """Drop every coin, mapping, quote and observation within the caller's transaction; how many coins there were.

    Jobs stay on record. Raises Unavailable when an ingest holds the tables for too long.
    """
    try:
        connection.execute(sql("give_up_on_locks"))
        row = connection.execute(sql("count_coins")).fetchone()
        quotes.clear(connection)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise Unavailable("an ingest is writing just now; try again when it has ended") from error
    return int(row[0]) if row else 0


def _text(row: tuple[object, ...] | None) -> str:
    return str(row[0]) if row else "null"
