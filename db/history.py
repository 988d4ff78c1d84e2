"""What was observed of a coin over time. Answers are JSON text made by Postgres, digit for digit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from db.pool import Connection, Database
from db.queries import sql

RAW = "raw"
# UTC's hours and days.
INTERVALS = {"1h": "1 hour", "1d": "1 day"}
_BITE = 5_000
# A bite takes some hundredths of a second; whoever prunes has other things to do as well.
_BITES = 10


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Which observations: from `begin` until before `until`; each hour or day belongs where it begins.

    `interval` is RAW or one of INTERVALS. Without a source, RAW gives every source's observations, and an interval the
    golden candle: in each hour or day the prices of the source with the highest priority that has any.
    """

    page: int
    page_size: int
    interval: str = RAW
    begin: datetime | None = None
    until: datetime | None = None
    source: str | None = None


def page_of_history(
    connection: Connection, canonical_id: str, query: HistoryQuery, priorities: Mapping[str, int]
) -> str | None:
    """A page of a coin's history in the list's envelope, oldest first; None when there is no such coin.

    An hour or day without a price is absent.
    """
    coin = connection.execute(sql("key_of_coin"), {"canonical_id": canonical_id}).fetchone()
    if coin is None:
        return None
    values = {
        "coin": coin[0],
        "source": query.source,
        "begin": query.begin,
        "until": query.until,
        "page": query.page,
        "page_size": query.page_size,
        "offset": (query.page - 1) * query.page_size,
    }
    if query.interval == RAW:
        row = connection.execute(sql("page_of_observations"), values).fetchone()
    else:
        how = {
            "every": INTERVALS[query.interval],
            "sources": list(priorities),
            "priorities": list(priorities.values()),
        }
        row = connection.execute(sql("page_of_candles"), {**values, **how}).fetchone()
    return str(row[0]) if row else None


def prune_history(database: Database, age: float) -> int:
    """Drop observations older than `age` seconds, some bites of them, and say how many; the rest is for next time."""
    dropped = 0
    with database.connection() as connection:
        for _ in range(_BITES):
            row = connection.execute(sql("prune_history"), {"age": age, "most": _BITE}).fetchone()
            bite = int(row[0]) if row else 0
            dropped += bite
            if bite < _BITE:
                break
    return dropped
