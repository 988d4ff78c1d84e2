"""Which quote wins, said a second time and as plainly as possible: what the statement in SQL is held to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

FIGURES = (
    "price",
    "market_cap",
    "volume_24h",
    "price_change_24h",
    "circulating_supply",
    "total_supply",
    "max_supply",
    "rank",
)


@dataclass(frozen=True)
class Candidate:
    """A coin's quote, as one of its sources last gave it."""

    source: str
    source_id: str
    relation: str
    observed_at: datetime
    time_assumed: bool
    figures: Mapping[str, Decimal | int | None]
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Golden:
    source: str
    last_updated: datetime
    time_assumed: bool
    flags: tuple[str, ...]
    figures: Mapping[str, Decimal | int | None]
    provenance: Mapping[str, str]


def golden(candidates: Sequence[Candidate], priority: Mapping[str, int], stale_after: timedelta) -> Golden:
    """The golden record of one coin's quotes, in whatever order they are given."""
    native = [candidate for candidate in candidates if candidate.relation == "same"]
    running = native or list(candidates)
    certain = [candidate.observed_at for candidate in running if not candidate.time_assumed]
    newest = max(certain, default=None)

    def is_stale(candidate: Candidate) -> bool:
        return newest is not None and candidate.observed_at < newest - stale_after

    # Sorted by what matters least first; Python's sort keeps equals in place.
    running = sorted(running, key=lambda c: (c.source_id, c.source))
    running.sort(key=lambda c: c.observed_at, reverse=True)
    running.sort(key=lambda c: priority.get(c.source, 0), reverse=True)
    running.sort(key=is_stale)
    winner = running[0]
    figures: dict[str, Decimal | int | None] = {}
    provenance: dict[str, str] = {}
    for name in FIGURES:
        known = [candidate for candidate in running if candidate.figures[name] is not None]
        figures[name] = known[0].figures[name] if known else None
        if known:
            provenance[name] = known[0].source
    return Golden(winner.source, winner.observed_at, winner.time_assumed, winner.flags, figures, provenance)
