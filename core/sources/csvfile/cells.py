"""Figures as people write them: `$1,234.50`, `+2.01%`, `1.334T`, `2.1E+11`, `18,769,587 BTC`, `?`.

A cell is taken apart into sign, currency, number, exponent, scale and unit; what is left over makes it no figure.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from core.figures import decimal_of
from core.sources.csvfile.marks import Mark, plain


class Sort(Enum):
    MONEY = "an amount in US dollars"
    PERCENT = "a percentage"
    SUPPLY = "a number of coins, perhaps with the coin's symbol behind it"
    COUNT = "a place in a list"


# `low vol` is CoinMarketCap's word for a volume too small to name; `∞` a supply without a maximum.
_UNKNOWN = re.compile(r"[?–—−-]{0,5}|∞|#?n/?a|nan|nil|none|null|unknown|unlimited|low vol|not available|tba")
_DOLLARS = ("us$", "usd", "$")
_CODES = re.compile(
    r"[a-z]{1,3}\$|usdt|usdc|eur|gbp|jpy|cny|rmb|krw|inr|rub|chf|cad|aud|nzd|hkd|sgd|brl|mxn|zar|sek|nok|dkk|pln|btc|xbt|eth"
)
_SCALES = {
    **dict.fromkeys(("k", "thousand"), 3),
    **dict.fromkeys(("m", "mn", "mio", "mil", "million", "millions"), 6),
    **dict.fromkeys(("b", "bn", "mrd", "bil", "billion", "billions"), 9),
    **dict.fromkeys(("t", "tn", "trillion", "trillions"), 12),
}
_GAPS = "'’\u00a0\u2009\u202f "
_NUMBER = re.compile(rf"([0-9.,](?:[0-9.,{_GAPS}]*[0-9.,])?)(?:e([+-]?[0-9]{{1,9}}))?", re.ASCII)
_SCALE = re.compile(r"(\s*)([a-z]+)(?![^\s%*])")
_UNIT = re.compile(r"\s+\S{1,40}|[a-z$]\S{1,39}")


@dataclass(slots=True)
class Parts:
    """A figure's text in lower case, taken apart."""

    number: str  # unsigned, with its marks
    sign: str = ""
    exponent: int = 0
    has_exponent: bool = False
    percent: bool = False
    dollars: bool = False
    other_money: bool = False  # a currency that isn't the US dollar


def figure(text: str, mark: Mark, sort: Sort) -> tuple[Decimal | None, bool]:
    """The exact figure in a cell (None: unknown), and whether it is money of another kind than US dollars.

    Raises ValueError with a reason that follows the field's name (`is not a number: 'abc'`).
    """
    parts = take_apart(text, sort)
    if parts is None:
        return None, False
    try:
        number = plain(parts.number, mark, parts.has_exponent)
    except ValueError as error:
        raise _no_number(text) if str(error) == "is not a number" else error from None
    power = f"e{parts.exponent}" if parts.exponent else ""
    return decimal_of(f"{parts.sign}{number}{power}"), parts.other_money


def take_apart(text: str, sort: Sort) -> Parts | None:
    """What a cell consists of; None when it says that the figure is unknown. Raises ValueError as `figure` does."""
    rest = text.strip().lower()
    if _UNKNOWN.fullmatch(rest.strip(" *$%")):  # also `$?`, `?*`, `-%`
        return None
    parts = Parts("")
    if rest.startswith("(") and rest.endswith(")"):  # how bookkeepers write a loss
        parts.sign, rest = "-", rest[1:-1]
    rest = _take_prefixes(parts, rest, sort)
    match = _NUMBER.match(rest)
    if match is None:
        raise _no_number(text)
    parts.number = match[1]
    if match[2] is not None:
        parts.exponent, parts.has_exponent = int(match[2]), True
    rest = _take_scale(parts, rest[match.end() :], sort)
    rest = _take_suffixes(parts, rest.rstrip(" *"), sort)
    if rest.strip():
        raise _no_number(text)
    _check_currency(parts, text, sort)
    return parts


def _take_prefixes(parts: Parts, rest: str, sort: Sort) -> str:
    """A sign and a currency in either order, and the `#` of a rank."""
    if sort is Sort.COUNT:
        rest = rest.removeprefix("#")
    for _ in range(2):
        rest = rest.lstrip()
        if rest[:1] in ("+", "-", "−") and rest and not parts.sign:
            parts.sign, rest = "-" if rest[0] != "+" else "+", rest[1:]
        else:
            rest = _take_currency(parts, rest)
    return rest.lstrip()


def _take_currency(parts: Parts, rest: str) -> str:
    for dollars in _DOLLARS:
        if rest.startswith(dollars) and not rest.startswith(("usdt", "usdc")):
            parts.dollars = True
            return rest.removeprefix(dollars)
    code = _CODES.match(rest)
    if code or (rest and unicodedata.category(rest[0]) == "Sc"):
        parts.other_money = True
        return rest[code.end() if code else 1 :]
    return rest


def _take_scale(parts: Parts, rest: str, sort: Sort) -> str:
    match = _SCALE.match(rest)
    if match is None or match[2] not in _SCALES:
        return rest
    if match[1] and sort is Sort.SUPPLY and len(match[2]) == 1:
        raise ValueError(f"is ambiguous: {match[2].upper()!r} may be a coin's symbol or a power of ten")
    if parts.has_exponent:
        raise ValueError("has both an exponent and a scale")
    parts.exponent, parts.has_exponent = _SCALES[match[2]], False
    return rest[match.end() :]


def _take_suffixes(parts: Parts, rest: str, sort: Sort) -> str:
    if rest.strip().startswith("%"):
        parts.percent = True
        return rest.strip()[1:]
    if sort is Sort.SUPPLY and _UNIT.fullmatch(rest):
        return ""
    return _take_currency(parts, rest.strip())


def _check_currency(parts: Parts, text: str, sort: Sort) -> None:
    money = parts.dollars or parts.other_money
    if money and sort is not Sort.MONEY:
        raise ValueError(f"is an amount of money, not {sort.value}: {text.strip()[:40]!r}")
    if parts.percent and sort is not Sort.PERCENT:
        raise ValueError(f"is a percentage, not {sort.value}: {text.strip()[:40]!r}")


def _no_number(text: str) -> ValueError:
    return ValueError(f"is not a number: {text.strip()[:40]!r}")
