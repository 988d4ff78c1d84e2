"""Reading what was collected. Answers are JSON text made by Postgres: a figure keeps the digits it is stored with.

The first pages of the list that is asked for most, the largest coins, come out of an index. The other sorts have none,
since each would be written at every change of a price: a list's order is found once a data version, by one pass, and
kept as keys. Totals are kept up to date by whoever writes (db/migrations/0008).
"""

from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql as compose

from core.errors import Unavailable
from core.kept import Kept
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
# How far into the largest coins it is cheaper to walk along their index than to keep their order.
_NEAR = 1_000
# A place behind all coins, whose keys are integers, is as good as any further one.
_BEHIND_ALL = 2_000_000_000
# int4 as Postgres sends it: in network order.
_KEY_BYTES = 4
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

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size

    @property
    def near_the_largest(self) -> bool:
        """Whether these are among the first of all coins, the largest first."""
        filters = (self.source, self.symbol, self.canonical_id, self.search)
        first = (self.sort, self.descending) == ("market_cap", True) and self.offset + self.page_size <= _NEAR
        return first and filters == (None, None, None, None)


@dataclass(frozen=True, slots=True)
class Read:
    """JSON, and the version of the data that it was read from; db.version says what that is worth."""

    version: str
    text: str


class Order:
    """The keys of all coins that a list holds, in its order: any page of it is then as cheap as the first."""

    def __init__(self, version: str, keys: bytes) -> None:
        self.version = version
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys) // _KEY_BYTES

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self._keys)

    def page(self, query: CoinQuery) -> list[int]:
        first = query.offset * _KEY_BYTES
        some = array("i", self._keys[first : first + query.page_size * _KEY_BYTES])
        if sys.byteorder == "little":
            some.byteswap()
        return some.tolist()


def page_of_coins(connection: Connection, query: CoinQuery, orders: Kept[Order]) -> Read:
    """A page of golden records in the list's envelope. Unknown figures come last, whichever way is sorted.

    `orders` keeps lists' orders from one call to the next; one of older data is found anew.
    """
    if query.sort not in SORTS:
        raise ValueError(query.sort)
    if query.near_the_largest:
        row = connection.execute(
            sql("page_of_largest"), {"page_size": query.page_size, "offset": query.offset}
        ).fetchone()
        assert row  # noqa: S101  it has a row, whatever there is
        return Read(row[0], _envelope(row[1], query, row[2]))
    whole_list = replace(query, page=1, page_size=1)
    order = orders.get(whole_list)
    if order:
        row = connection.execute(sql("page_of_keys"), {"keys": order.page(query)}).fetchone()
        if row and row[0] == order.version:
            return Read(row[0], _envelope(row[1], query, len(order)))
    version, page, keys = _page_in_order(connection, query)
    order = Order(version, keys)
    orders.keep(whole_list, order, order.size)
    return Read(version, _envelope(page, query, len(order)))


def one_coin(connection: Connection, canonical_id: str) -> Read | None:
    """A coin with its quotes by source, mappings and provenance; None when there is none of that id."""
    row = connection.execute(sql("one_coin"), {"canonical_id": canonical_id}).fetchone()
    return Read(*row) if row else None


def market_stats(connection: Connection) -> Read:
    """Totals, average price, gainers and losers. Coins with flags count in total_coins alone."""
    row = connection.execute(sql("market_stats")).fetchone()
    assert row  # noqa: S101  totals are a row, whatever there is
    return Read(*row)


def matching(search: str | None) -> str | None:
    """The pattern of what holds this text; None for anything."""
    return None if search is None else f"%{search.translate(_SPECIAL)}%"


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


def _page_in_order(connection: Connection, query: CoinQuery) -> tuple[str, str, bytes]:
    direction = "{} DESC NULLS LAST" if query.descending else "{} ASC NULLS LAST"
    statement = compose.SQL(sql("page_in_order")).format(
        order=compose.SQL(direction).format(compose.Identifier(query.sort))
    )
    values = {
        "source": query.source,
        "symbol": query.symbol,
        "canonical_id": query.canonical_id,
        "like": matching(query.search),
        "page_size": query.page_size,
        "offset": min(query.offset, _BEHIND_ALL),
    }
    row = connection.execute(statement, values, binary=True).fetchone()
    assert row  # noqa: S101  it has a row, whatever there is
    return row[0], row[1], row[2]


def _envelope(data: str, query: CoinQuery, total: int) -> str:
    pages = -(-total // query.page_size)
    return f'{{"data":{data},"page":{query.page},"page_size":{query.page_size},"total":{total},"total_pages":{pages}}}'
