"""A table of texts made quotes: column by column, then row by row. A row with one bad value is rejected, alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from core.figures import rank_of
from core.models import Parsed, Quote, Rejection
from core.plausibility import flags
from core.sources.csvfile.cells import Sort, figure
from core.sources.csvfile.columns import SORTS
from core.sources.csvfile.ids import source_id
from core.sources.csvfile.layout import Layout
from core.sources.csvfile.marks import Mark
from core.sources.csvfile.table import Table
from core.sources.csvfile.times import moment

NOT_DOLLARS = "not_us_dollars"
LONGEST_TEXT = 300  # characters of a symbol or name, as with the other sources
_LONGEST_ID = 1000  # bytes: ids are keys of an index, whose entries are bounded
_BLANK_NAMES = frozenset(("", "-", "--", "?", "—", "N/A", "n/a"))
_PAIR = re.compile(r"(\S+)[-/_]([A-Za-z]{3,4})")

# A column all of such numbers needs no closer look: they are what decimal_of makes of them.
_PLAIN = re.compile(r"(?:(?:-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-3]?[0-9])?)?\n)*+")


class _Coin(NamedTuple):
    source_id: str
    symbol: str
    name: str
    in_dollars: bool
    fault: str


def quotes_of(table: Table, layout: Layout, read_at: datetime) -> Parsed:
    """Every row as a Quote or a Rejection, each in the order of the file. `read_at` is when the file was read."""
    faults: dict[int, str] = {}  # by place in the table, the first one found
    foreign: set[int] = set()
    values = {name: _figures(name, table, layout, faults, foreign) for name in SORTS if name in layout.columns}
    if "observed_at" in layout.columns:
        values["observed_at"] = _moments(table.columns["observed_at"], layout.date_order, read_at, faults)
    coins = _coins(table, layout)
    quotes = []
    rejections = list(table.rejections)
    fields = tuple(values)
    for row, (coin, *found) in enumerate(zip(coins, *values.values(), strict=True)):
        fault = coin.fault or faults.get(row) or _nothing_known(fields, found)
        if fault:
            rejections.append(Rejection(table.lines[row], fault, table.raw(row)))
            continue
        quote = Quote(
            coin.source_id, coin.symbol, coin.name, **{"price": None, **dict(zip(fields, found, strict=True))}
        )
        marked = flags(quote)
        if not coin.in_dollars or row in foreign:
            marked += (NOT_DOLLARS,)
        quotes.append(replace(quote, flags=marked) if marked else quote)
    rejections.sort(key=lambda rejection: rejection.row)
    return Parsed(quotes, rejections, layout.notes)


def _figures(name: str, table: Table, layout: Layout, faults: dict[int, str], foreign: set[int]) -> list[Any]:
    texts, mark, sort = table.columns[name], layout.marks.get(name, Mark.PLAIN), SORTS[name]
    if mark in (Mark.POINT, Mark.PLAIN) and _PLAIN.fullmatch("\n".join([*texts, ""])):
        found: list[Decimal | None] = [Decimal(text) if text else None for text in texts]
    else:
        found = []
        for row, text in enumerate(texts):
            try:
                value, is_foreign = figure(text, mark, sort)
                if is_foreign:
                    foreign.add(row)
            except ValueError as error:
                value = None
                faults.setdefault(row, f"{name} {error}")
            found.append(value)
    return [rank_of(value) for value in found] if sort is Sort.COUNT else found


def _moments(texts: Sequence[str], order: str, read_at: datetime, faults: dict[int, str]) -> list[datetime | None]:
    """Files have few different times, so each is read once."""
    read: dict[str, datetime | str | None] = {}
    for text in set(texts):
        try:
            read[text] = moment(text, order, read_at)
        except ValueError as error:
            read[text] = str(error)
    found = []
    for row, text in enumerate(texts):
        value = read[text]
        if isinstance(value, str):
            faults.setdefault(row, f"observed_at {value}")
            value = None
        found.append(value)
    return found


def _coins(table: Table, layout: Layout) -> list[_Coin]:
    """Whose row each is. Files name the same coins again and again, so each is worked out once."""
    blank = [""] * len(table.lines)
    known: dict[tuple[str, str], _Coin] = {}
    coins = []
    for key in zip(table.columns.get("symbol", blank), table.columns.get("name", blank), strict=True):
        coin = known.get(key)
        if coin is None:
            coin = known[key] = _coin(*key, layout.pairs)
        coins.append(coin)
    return coins


def _coin(raw_symbol: str, raw_name: str, pairs: bool) -> _Coin:
    symbol, name = _tidy(raw_symbol), _tidy(raw_name)
    identity = source_id(symbol, name)
    fault = ""
    if not identity:
        fault = "the row has neither a symbol nor a name"
    elif len(symbol) > LONGEST_TEXT or len(name) > LONGEST_TEXT or len(identity.encode()) > _LONGEST_ID:
        fault = f"symbol or name is longer than {LONGEST_TEXT} characters"
    in_dollars = True
    if pairs and (match := _PAIR.fullmatch(symbol)):
        symbol, currency = match.groups()
        in_dollars = currency.upper() == "USD"
        name = name.removesuffix(f" {currency}")
    return _Coin(identity, symbol, name, in_dollars, fault)


def _tidy(text: str) -> str:
    tidy = " ".join(text.replace("\ufeff", "").split())
    return "" if tidy in _BLANK_NAMES else tidy


def _nothing_known(fields: tuple[str, ...], found: Sequence[object]) -> str:
    """A row that quotes nothing at all; a rank or a time alone is no quote."""
    for name, value in zip(fields, found, strict=True):
        if value is not None and name not in ("rank", "observed_at"):
            return ""
    return "the row has no figure: price and everything else are unknown"
