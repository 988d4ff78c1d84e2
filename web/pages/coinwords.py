"""What a coin's flags, rules and rankings are called, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

FIELDS: Mapping[str, str] = {
    "price": "Price",
    "market_cap": "Market cap",
    "volume_24h": "Volume, 24 h",
    "price_change_24h": "Change, 24 h",
    "circulating_supply": "Circulating supply",
    "total_supply": "Total supply",
    "max_supply": "Max supply",
    "rank": "Rank",
}
MATCHED_BY: Mapping[str, str] = {
    "registry": "known coin",
    "manual": "set by hand",
    "symbol+name": "symbol and name",
    "new": "first of its kind",
}
_FLAGS: Mapping[str, str] = {
    "negative_price": "Its price is below zero.",
    "negative_market_cap": "Its market cap is below zero.",
    "negative_volume_24h": "Its volume is below zero.",
    "cap_without_volume": "Its market cap is over a billion dollars, and more than a million times a day's volume.",
    "outside_day_range": "Its price lies more than 10% outside of its own day's range.",
    "impossible_change": "It would have lost more than 100% in a day.",
}
_LOST_BY: Mapping[str, str] = {
    "wrapped": "A wrapped coin's figures are its own",
    "stale": "Too old beside the newest",
    "lower priority": "A source of higher priority goes first",
    "older": "Another is newer",
    "tie": "Equal; the order of ids decides",
    "missing": "Not given",
}


def flags(names: Iterable[str]) -> list[str]:
    """A sentence for each flag. One that isn't known here is shown as it stands."""
    return [_FLAGS.get(name, name.replace("_", " ").capitalize() + ".") for name in names]


def lost_by(reason: str | None) -> str:
    """Why a quote or a figure wasn't taken; of the one that was, nothing."""
    return "" if reason is None else _LOST_BY.get(reason, reason)


def matched_by(rule: str) -> str:
    return MATCHED_BY.get(rule, rule)
