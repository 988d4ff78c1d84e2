"""What stands beside a page of coins, kept while the data stay the same: the overview and the weeks' lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from core import exact_json
from core.kept import Kept
from db.market import beside
from db.pool import Connection
from web.pages.sparkline import Sparkline, sparkline

Overview: TypeAlias = Mapping[str, Any]
Lines: TypeAlias = Mapping[str, Sparkline]

# Some 40 pages of the market; a line has at most 42 points of up to 7 characters.
_MOST_BYTES = 1024 * 1024
_LINE_BYTES = 500


class MarketBeside:
    """Threads may share it. `priority`: source → its number; the higher one's price is the coin's."""

    def __init__(self, priority: Mapping[str, int]) -> None:
        self._priority = priority
        self._lines: Kept[tuple[str, Lines]] = Kept(_MOST_BYTES)
        self._overview: tuple[str, Overview] = ("", {})

    def of(self, connection: Connection, version: str | None, coins: tuple[str, ...]) -> tuple[Overview, Lines]:
        """The overview, and the lines by canonical_id, as of this data version or newer; None: as of now.

        One statement, or none when both are kept.
        """
        known, overview = self._overview
        kept = self._lines.get(coins)
        stale = version is None or known != version
        if not stale and kept and kept[0] == version:
            return overview, kept[1]
        read = beside(connection, coins, self._priority, overview=stale)
        if read.overview is not None:
            overview = cast(Overview, exact_json.read(read.overview.encode()))
            self._overview = read.version, overview
        lines = _lines_of(read.weeks)
        self._lines.keep(coins, (read.version, lines), len(lines) * _LINE_BYTES)
        return overview, lines


def _lines_of(weeks: str) -> Lines:
    found = cast(dict[str, Any], exact_json.read(weeks.encode()))
    drawn = ((coin, sparkline(week)) for coin, week in found.items())
    return {coin: line for coin, line in drawn if line}
