"""What stands beside a page of coins: totals and movers, and the last week of each coin of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from db.pool import Connection
from db.queries import sql


@dataclass(frozen=True, slots=True)
class Beside:
    """JSON texts, and the version of the data that they were read from.

    `overview`: {"coins", "market_cap", "volume_24h", "rising", "falling", "newest", "gainers", "losers"}, or None if it
    wasn't asked for. Coins with flags count in `coins` alone; market_cap and volume_24h are null when none is known.
    `weeks`: {canonical_id: [[step, price], …]}, the oldest first, steps 0 to 41 of four hours each, the last of which
    ends when the coin was last updated; steps without an observation are left out, and coins without any.
    """

    version: str
    overview: str | None
    weeks: str


def beside(connection: Connection, coins: Sequence[str], priority: Mapping[str, int], *, overview: bool) -> Beside:
    """Read it for these coins, in one statement; `priority` says whose price of a time is the coin's."""
    values = {
        "coins": list(coins),
        "sources": list(priority),
        "priorities": list(priority.values()),
        "overview": overview,
    }
    row = connection.execute(sql("market_beside"), values).fetchone()
    assert row  # noqa: S101  it has a row, whatever there is
    return Beside(*row)
