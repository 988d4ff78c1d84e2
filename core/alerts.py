"""When an alert fires: once for each time that what it watches comes to be beyond its mark. Pure; figures are exact.

A rule is beyond its mark or it is not. Coming to be beyond it is a crossing, staying there is none; after it was on
this side again, it can cross again. What a rule finds when it is first looked at is where it starts from, no crossing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from core import exact_json

PRICE_KINDS = ("price_above", "price_below", "price_change")
KINDS = (*PRICE_KINDS, "source_stale", "job_failed")
DIRECTIONS = ("up", "down", "any")

# More digits than any product of two prices has.
_PRECISION = 2000
_SHOWN_PERCENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a price rule is about: `price` for above and below, `percent` and `direction` for a change."""

    kind: str
    price: Decimal | None = None
    percent: Decimal | None = None
    direction: str | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A coin's price as it came to be; `lowest` and `highest` are its source's others within a change's window."""

    price: Decimal
    source: str | None
    observed_at: datetime | None
    lowest: Decimal | None = None
    highest: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Staleness:
    """A source: whether it is stale, and its last good fetch that was looked at (or from when it is watched)."""

    beyond: bool | None
    good_at: datetime


def beyond(mark: Mark, seen: Sighting) -> bool:
    """Whether a price is beyond the mark. A price at the mark is not; a change of just the percent is."""
    if mark.kind == "price_change":
        return change_of(mark, seen) is not None
    assert mark.price is not None  # noqa: S101
    return seen.price > mark.price if mark.kind == "price_above" else seen.price < mark.price


def change_of(mark: Mark, seen: Sighting) -> Decimal | None:
    """By how many percent the price has come up from the window's lowest, or down from its highest, as the mark asks.

    None when by fewer; the larger of both when both will do. Rounded to hundredths for people, judged exactly.
    """
    assert mark.percent is not None  # noqa: S101
    ways = {"up": (seen.lowest,), "down": (seen.highest,)}.get(mark.direction or "any", (seen.lowest, seen.highest))
    found: list[Decimal] = []
    with localcontext() as context:
        context.prec = _PRECISION
        for place, before in enumerate(ways):
            if before is None or before <= 0:
                continue
            falls = mark.direction == "down" or place == 1
            moved = (before - seen.price if falls else seen.price - before) * 100
            if moved >= mark.percent * before:
                change = (moved / before).quantize(_SHOWN_PERCENT, ROUND_HALF_EVEN)
                found.append(-change if falls else change)
    return max(found, key=abs, default=None)


def crossings(mark: Mark, was: bool | None, sightings: Iterable[Sighting]) -> tuple[bool | None, list[Sighting]]:
    """Where a rule is after these prices, in their order, and those of them that crossed its mark."""
    crossed = []
    for seen in sightings:
        now = beyond(mark, seen)
        if now and was is False:
            crossed.append(seen)
        was = now
    return was, crossed


def went_stale(
    before: Staleness, good: Sequence[datetime], now: datetime, after: timedelta
) -> tuple[Staleness, list[datetime]]:
    """How a source is now, by its good fetches since the last look, and each time at which it went stale since.

    Looking late misses nothing: a gap that is over tells of itself. `good` is in order.
    """
    state, last, crossed = before.beyond, before.good_at, []
    for moment in good:
        if moment - last > after and state is False:
            crossed.append(last + after)
        state, last = False, moment
    stale = now - last > after
    if stale and state is False:
        crossed.append(last + after)
    return Staleness(stale, last), crossed


def message(kind: str, at: datetime, sentence: str, facts: Mapping[str, object]) -> str:
    """What a receiver gets: JSON with type, timestamp and data, figures with all their digits."""
    return exact_json.written({"type": f"alert.{kind}", "timestamp": at, "data": {"message": sentence, **facts}})
