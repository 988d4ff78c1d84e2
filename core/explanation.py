"""Why these quotes are one coin, what else it might have been, and where each figure came from. Pure; words for people.

The ranking comes with the evidence: it is the one that the merge used (ranked_quotes in the database).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, TypeAlias

from core.identity import prices_disagree
from core.registry import NAMED, Registry

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
Figure: TypeAlias = Decimal | int | None
Answer: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One of the coin's quotes: who said it, how it came to be this coin, how it ranks (`place` from 1).

    `fills`: its figures may fill gaps of the first; not so a wrapped coin's where there is a native quote.
    """

    source: str
    source_id: str
    symbol: str
    name: str
    symbol_key: str
    name_key: str
    relation: str
    matched_by: str
    ambiguous: bool
    first_seen: datetime
    observed_at: datetime
    time_assumed: bool
    flags: Sequence[str]
    priority: int
    stale: bool
    place: int
    fills: bool
    figures: Mapping[str, Figure]

    @property
    def price(self) -> Decimal | None:
        price = self.figures["price"]
        return None if price is None else Decimal(price)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An id of another coin that has the same symbol key. `observed_at` is None when the time is only assumed."""

    canonical_id: str
    source: str
    source_id: str
    symbol: str
    name: str
    symbol_key: str
    name_key: str
    matched_by: str
    price: Decimal | None
    observed_at: datetime | None


def quotes(canonical_id: str, evidence: Sequence[Evidence], registry: Registry) -> list[Answer]:
    """Each quote with the rule that made it this coin and its place in the ranking, the best first."""
    winner = evidence[0] if evidence else None
    return [
        {
            "source": each.source,
            "source_id": each.source_id,
            "symbol": each.symbol,
            "name": each.name,
            "symbol_key": each.symbol_key,
            "name_key": each.name_key,
            "relation": each.relation,
            "matched_by": each.matched_by,
            "ambiguous": each.ambiguous,
            "first_seen": each.first_seen,
            "why": _why(canonical_id, each, evidence, registry),
            "place": each.place,
            "priority": each.priority,
            "stale": each.stale,
            "observed_at": each.observed_at,
            "time_assumed": each.time_assumed,
            "flags": list(each.flags),
            "lost_by": None if each is winner or winner is None else _lost_by(each, winner),
        }
        for each in evidence
    ]


def fields(evidence: Sequence[Evidence]) -> dict[str, Answer]:
    """By field: the value, whose it is, and each other quote's value with why it lost."""
    return {name: _field(name, evidence) for name in FIGURES}


def might_be(evidence: Sequence[Evidence], neighbours: Sequence[Neighbour], registry: Registry) -> list[Answer]:
    """The other coins with the same symbol, and what speaks against each of their ids."""
    by_coin = groupby(
        sorted(neighbours, key=lambda n: (n.canonical_id, n.source, n.source_id)), lambda n: n.canonical_id
    )
    return [
        {
            "canonical_id": canonical_id,
            "ids": [
                {
                    "source": each.source,
                    "source_id": each.source_id,
                    "symbol": each.symbol,
                    "name": each.name,
                    "why_not": _why_not(each, evidence, registry),
                }
                for each in ids
            ],
        }
        for canonical_id, ids in by_coin
    ]


def _why(canonical_id: str, each: Evidence, evidence: Sequence[Evidence], registry: Registry) -> str:
    if each.matched_by == "manual":
        return "Set by hand, which wins over every rule."
    if each.matched_by == "registry":
        return _by_registry(canonical_id, each, registry)
    if each.matched_by == "symbol+name":
        alike = [
            f"{other.source} {other.source_id!r}"
            for other in evidence
            if other is not each and (other.symbol_key, other.name_key) == (each.symbol_key, each.name_key)
        ]
        like = f" as {' and '.join(alike)}" if alike else " as a coin that the registry knows"
        return f"Same symbol ({each.symbol_key}) and name ({each.name_key}){like}, and nothing spoke against it."
    doubt = (
        "Another coin of this symbol and name was in sight, and the rules couldn't decide." if each.ambiguous else ""
    )
    return f"No rule found a coin for it, so it made one. {doubt}".rstrip()


def _by_registry(canonical_id: str, each: Evidence, registry: Registry) -> str:
    listing = registry.find(each.source, each.source_id, each.symbol, each.name)
    if listing is None:
        return "The registry listed it when it first came; it doesn't now."
    wrapped = listing.relation == "wrapped"
    as_what = f"a wrapped coin that stands for {listing.canonical_id}" if wrapped else listing.own_id
    known = f" (known from {', '.join(listing.known_from.split('+'))})" if listing.known_from else ""
    moved = "" if canonical_id in (listing.canonical_id, listing.own_id) else f", which is part of {canonical_id} now"
    if each.source not in NAMED:
        return f"The registry lists {each.source} {each.source_id!r} as {as_what}{known}{moved}."
    return f"The registry knows symbol {each.symbol!r} and name {each.name!r} as {as_what}{known}{moved}."


def _field(name: str, evidence: Sequence[Evidence]) -> Answer:
    winner = next((each for each in evidence if each.fills and each.figures[name] is not None), None)
    return {
        "value": winner and winner.figures[name],
        "source": winner and winner.source,
        "source_id": winner and winner.source_id,
        "others": [
            {
                "source": each.source,
                "source_id": each.source_id,
                "value": each.figures[name],
                "lost_by": "missing" if each.figures[name] is None else _lost_by(each, winner),
            }
            for each in evidence
            if each is not winner
        ],
    }


def _lost_by(each: Evidence, winner: Evidence | None) -> str:
    if winner is None or each.relation != winner.relation:
        return "wrapped"
    if each.stale != winner.stale:
        return "stale"
    if each.priority != winner.priority:
        return "lower priority"
    return "older" if each.observed_at != winner.observed_at else "tie"


def _why_not(other: Neighbour, evidence: Sequence[Evidence], registry: Registry) -> str:
    ours = [each for each in evidence if each.symbol_key == other.symbol_key]
    if other.matched_by == "manual" or any(each.matched_by == "manual" for each in ours):
        return "Kept apart by hand."
    listing = registry.find(other.source, other.source_id, other.symbol, other.name)
    if listing:
        return f"The registry says that it is {listing.own_id}."
    alike = [each for each in ours if each.name_key == other.name_key]
    if not alike:
        return f"Another name: {other.name!r}, not {ours[0].name!r}." if ours else "Another symbol."
    for each in alike:
        if each.source == other.source:
            return f"{each.source} lists both {each.source_id!r} and {other.source_id!r}, as two coins of one name."
        seen_at = None if each.time_assumed else each.observed_at
        if prices_disagree(each.price, seen_at, other.price, other.observed_at):
            return f"The prices are an order of magnitude apart: {each.price} and {other.price}."
    return "More than one coin has this symbol and name, or had when it came, and nothing decides between them."
