"""A table of texts made quotes: column by column, then row by row. A row with one bad value is rejected, alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from core.figures import rank_of
from core.models import Parsed, Rejection
from core.plausibility import flags
from core.quote_table import QuoteTable
from core.sources.csvfile.cells import figure
from core.sources.csvfile.columns import SORTS
from core.sources.csvfile.ids import source_id
from core.sources.csvfile.layout import Layout
from core.sources.csvfile.marks import Mark
from core.sources.csvfile.suspects import suspects
from core.sources.csvfile.table import Table
from core.sources.csvfile.times import moment

NOT_DOLLARS = "not_us_dollars"
LONGEST_TEXT = 300  # characters of a symbol or name, as with the other sources
LONGEST_KEPT, COINS_KEPT = 80, 30_000
_LONGEST_ID = 1000  # bytes: ids are keys of an index, whose entries are bounded
_BLANK_NAMES = frozenset(("", "-", "--", "?", "—", "N/A", "n/a"))
_PAIR = re.compile(r"(\S+)[-/_]([A-Za-z]{3,4})")

# A column all of such numbers needs no closer look: they are what decimal_of makes of them.
_PLAIN = re.compile(r"(?:(?:-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-3]?[0-9])?)?\n)*+")


def quotes_of(table: Table, layout: Layout, read_at: datetime) -> Parsed:
    """Every row as a Quote or a Rejection, each in the order of the file. `read_at` is when the file was read."""
    faults: dict[int, str] = {}  # by place in the table, the first one found
    foreign: set[int] = set()
    coins: Sequence[Any] = _coins(table, layout, faults, foreign)
    present = [name for name in SORTS if name in table.columns]
    columns: list[Sequence[Any]] = [_figures(name, table, layout, faults, foreign) for name in present]
    _refuse_empty_rows([column for name, column in zip(present, columns, strict=True) if name != "rank"], coins, faults)
    columns.append(_moments(table, layout, read_at, faults))
    rows: Sequence[int] = range(len(coins))
    rejections = list(table.rejections)
    if faults:
        rows = [row for row in rows if row not in faults]
        coins, *columns = [[column[row] for row in rows] if column else column for column in (coins, *columns)]
        rejections += [Rejection(table.lines[row], reason, table.raw(row)) for row, reason in faults.items()]
    rejections.sort(key=lambda rejection: rejection.row)
    moments, figures = columns.pop(), dict(zip(present, columns, strict=True))
    ids, symbols, names = ([coin[part] for coin in coins] for part in range(3))
    ranks = [rank_of(text) for text in figures.pop("rank", ())]
    quotes = QuoteTable(ids, symbols, names, figures, ranks, moments)
    marked = {row: flags(quotes[row]) for row in suspects(figures, len(ids))}
    marked |= {place: (*marked.get(place, ()), NOT_DOLLARS) for place, row in enumerate(rows) if row in foreign}
    return Parsed(
        replace(quotes, flags={row: found for row, found in marked.items() if found}), rejections, layout.notes
    )


def _refuse_empty_rows(figures: Sequence[Sequence[str]], coins: Sequence[object], faults: dict[int, str]) -> None:
    """A row that quotes nothing at all is refused; a rank or a time alone is no quote."""
    prices = figures[0]
    for row in [row for row in range(len(coins)) if not prices[row]] if "" in prices else ():
        if not any(column[row] for column in figures):
            faults.setdefault(row, "the row has no figure: price and everything else are unknown")


def _figures(name: str, table: Table, layout: Layout, faults: dict[int, str], foreign: set[int]) -> Sequence[str]:
    """A column's figures as texts that are exact decimal numbers, "" where unknown."""
    texts, mark = table.columns[name], layout.marks.get(name, Mark.PLAIN)
    joined = "\n".join([*texts, ""])
    all_plain = _PLAIN.fullmatch(joined) and joined.count("\n") == len(texts)  # a text may have a line end in it
    if all_plain and mark in (Mark.POINT, Mark.PLAIN):
        return texts
    found = []
    for row, text in enumerate(texts):
        value = None
        try:
            value, is_foreign = figure(text, mark, SORTS[name])
            if is_foreign:
                foreign.add(row)
        except ValueError as error:
            faults.setdefault(row, f"{name} {error}")
        found.append("" if value is None else str(value))
    return found


def _moments(table: Table, layout: Layout, read_at: datetime, faults: dict[int, str]) -> Sequence[Any]:
    """Files have few different times, so each is read once."""
    texts = table.columns.get("observed_at")
    if texts is None:
        return ()
    read: dict[str, datetime | str | None] = {}
    for text in set(texts):
        try:
            read[text] = moment(text, layout.date_order, read_at)
        except ValueError as error:
            read[text] = f"observed_at {error}"
    found = [read[text] for text in texts]
    for row, value in enumerate(found):
        if isinstance(value, str):
            faults.setdefault(row, value)
    return found


def _coins(table: Table, layout: Layout, faults: dict[int, str], foreign: set[int]) -> list[Any]:
    """The (source_id, symbol, name) of each row's coin."""
    blank = [""] * len(table.lines)
    coins = []
    symbols, names = (table.columns.get(name, blank) for name in ("symbol", "name"))
    for row, (symbol, name) in enumerate(zip(symbols, names, strict=True)):
        # Files name the same coins again and again. Only what is short is kept, since memory is bounded.
        known = len(symbol) + len(name) <= LONGEST_KEPT
        coin, in_dollars, fault = (_known_coin if known else _coin)(symbol, name, layout.pairs)
        coins.append(coin)
        if fault:
            faults.setdefault(row, fault)
        if not in_dollars:
            foreign.add(row)
    return coins


def _coin(raw_symbol: str, raw_name: str, pairs: bool) -> tuple[tuple[str, str, str], bool, str]:
    """(source_id, symbol, name), whether the quote is in US dollars, and why there is no such coin ("": there is)."""
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
    return (identity, symbol, name), in_dollars, fault


_known_coin = lru_cache(maxsize=COINS_KEPT)(_coin)


def _tidy(text: str) -> str:
    tidy = " ".join(text.replace("\ufeff", "").split())
    return "" if tidy in _BLANK_NAMES else tidy
