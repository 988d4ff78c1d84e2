"""What the chart of a coin's page shows: how far back, by hour or day, candles or a line. It stands in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.history import INTERVALS

RANGES: Mapping[str, timedelta | None] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "all": None,
}
STYLES = ("candles", "line")
RANGE_WORDS: Mapping[str, str] = {
    "24h": "the last 24 hours",
    "7d": "the last 7 days",
    "30d": "the last 30 days",
    "all": "all time",
}
INTERVAL_WORDS: Mapping[str, str] = {"1h": "hour", "1d": "day"}
_USUAL = "7d"
_BY_HOUR_UP_TO = timedelta(days=7)
# How far back the table of figures goes; a longer past is for programs.
_TABLE: Mapping[str, timedelta] = {"1h": timedelta(days=7), "1d": timedelta(days=366)}


@dataclass(frozen=True, slots=True)
class ChartState:
    """`range` is one of RANGES, `interval` one of INTERVALS, `style` one of STYLES."""

    range: str
    interval: str
    style: str

    @property
    def words(self) -> str:
        return f"{RANGE_WORDS[self.range]}, by {INTERVAL_WORDS[self.interval]}"

    def table_begin(self, now: datetime) -> datetime | None:
        """From when on the table has the figures: as the chart, but no further back than a reader would go."""
        back = RANGES[self.range]
        return now - (_TABLE[self.interval] if back is None else min(back, _TABLE[self.interval]))

    @property
    def table_is_shorter(self) -> bool:
        back = RANGES[self.range]
        return back is None or back > _TABLE[self.interval]


def state_of(query: Mapping[str, str], last_seen: datetime, now: datetime) -> ChartState:
    """The state that an address names; what it doesn't name, or names wrongly, is as usual.

    A coin that was last seen longer ago than the usual range reaches back shows its whole past.
    """
    usual = _USUAL if now - last_seen <= (RANGES[_USUAL] or timedelta.max) else "all"
    span = _one_of(RANGES, query.get("range"), usual)
    back = RANGES[span]
    short = back is not None and back <= _BY_HOUR_UP_TO
    interval = _one_of(INTERVALS, query.get("interval"), "1h" if short else "1d")
    return ChartState(span, interval, _one_of(STYLES, query.get("style"), STYLES[0]))


def _one_of(known: Mapping[str, object] | tuple[str, ...], named: str | None, usual: str) -> str:
    return named if named is not None and named in known else usual
