"""A coin's quotes side by side: each with its figures, how far it is from the record, and why it is this coin. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, NamedTuple

from web.pages import coinwords

_DIGITS = Context(prec=12, rounding=ROUND_HALF_UP)


class SourceLine(NamedTuple):
    """`difference` is that of its price from the record's, in percent; `quote` has the figures by the API's names.

    `standing` says why it isn't the record, and is empty for the one that is.
    """

    source: str
    source_id: str
    quote: Mapping[str, Any]
    difference: Decimal | None
    stale: bool
    flags: Sequence[str]
    standing: str
    rule: str
    why: Mapping[str, Any]

    @property
    def wrapped(self) -> bool:
        return bool(self.why["relation"] == "wrapped")

    @property
    def corrected(self) -> bool:
        return bool(self.why["matched_by"] == "manual")


class Other(NamedTuple):
    """A figure that wasn't taken, and why."""

    source: str
    source_id: str
    value: Decimal | None
    reason: str


class FieldLine(NamedTuple):
    """A figure of the record: its name for people, whose it is, and what others had to say."""

    field: str
    label: str
    value: Decimal | None
    source: str | None
    source_id: str | None
    others: Sequence[Other]


def lines(record: Mapping[str, Any], explained: Mapping[str, Any]) -> list[SourceLine]:
    """A line for every quote in the order of the ranking: out of the API's coin and its explanation."""
    figures = {(quote["source"], quote["source_id"]): quote for quote in record["quotes"]}
    return [_line(why, figures.get((why["source"], why["source_id"]), {}), record) for why in explained["quotes"]]


def fields(explained: Mapping[str, Any]) -> list[FieldLine]:
    """A line for each figure that anyone knows."""
    return [
        FieldLine(name, label, found["value"], found["source"], found["source_id"], _others(found["others"]))
        for name, label in coinwords.FIELDS.items()
        if (found := explained["fields"][name])["value"] is not None
    ]


def difference(price: Decimal | None, golden: Decimal | None) -> Decimal | None:
    """How far a price is from the record's, in percent of that, to twelve digits; None when that can't be said."""
    if price is None or not golden:
        return None
    return _DIGITS.divide(_DIGITS.multiply(price - golden, Decimal(100)), golden)


def _line(why: Mapping[str, Any], quote: Mapping[str, Any], record: Mapping[str, Any]) -> SourceLine:
    return SourceLine(
        source=why["source"],
        source_id=why["source_id"],
        quote=quote,
        difference=difference(quote.get("price"), record["price"]),
        stale=why["stale"],
        flags=coinwords.flags(why["flags"]),
        standing=coinwords.lost_by(why["lost_by"]),
        rule=coinwords.matched_by(why["matched_by"]),
        why=why,
    )


def _others(others: Sequence[Mapping[str, Any]]) -> list[Other]:
    return [
        Other(other["source"], other["source_id"], other["value"], coinwords.lost_by(other["lost_by"]))
        for other in others
    ]
