"""Who the rows of a file quote. Files name the same coins again and again, so each is worked out once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.sources.csvfile.ids import source_id

LONGEST_TEXT = 300  # characters of a symbol or name, as with the other sources
LONGEST_KEPT, COINS_KEPT = 80, 30_000
_LONGEST_ID = 1000  # bytes: ids are keys of an index, whose entries are bounded
_BLANK_NAMES = frozenset(("", "-", "--", "?", "—", "N/A", "n/a"))
_PAIR = re.compile(r"(\S+)[-/_]([A-Za-z]{3,4})")
_BETWEEN = "\0"  # in no symbol and no name


@dataclass(frozen=True, slots=True)
class Coins:
    """Coins by place, and the places of those with something to say about: why there is no such coin; not dollars."""

    source_ids: pa.StringArray
    symbols: pa.StringArray
    names: pa.StringArray
    faults: dict[int, str] = field(default_factory=dict)
    foreign: set[int] = field(default_factory=set)

    def at(self, places: pa.Int32Array) -> Coins:
        """The coins at these places, in this order."""
        odd = self.faults.keys() | self.foreign
        rows = np.flatnonzero(np.isin(places, list(odd))).tolist() if odd else []
        where = {row: places[row].as_py() for row in rows}
        return Coins(
            self.source_ids.take(places),
            self.symbols.take(places),
            self.names.take(places),
            {row: self.faults[place] for row, place in where.items() if place in self.faults},
            {row for row, place in where.items() if place in self.foreign},
        )

    def and_(self, more: Coins) -> Coins:
        """These and behind them more."""
        behind = len(self.source_ids)
        return Coins(
            pa.concat_arrays([self.source_ids, more.source_ids]),
            pa.concat_arrays([self.symbols, more.symbols]),
            pa.concat_arrays([self.names, more.names]),
            self.faults | {behind + place: fault for place, fault in more.faults.items()},
            self.foreign | {behind + place for place in more.foreign},
        )


@dataclass(frozen=True, slots=True)
class _Book:
    """The coins of some spellings, a symbol and a name as a file has them."""

    spellings: pa.StringArray
    coins: Coins


_NOBODY = _Book(pa.array([], pa.string()), Coins(*(pa.array([], pa.string()),) * 3))
_known = {True: _NOBODY, False: _NOBODY}  # by whether symbols may be pairs


def coins_of(symbols: pa.StringArray, names: pa.StringArray, *, pairs: bool) -> Coins:
    """Row by row the coin of a symbol and a name (null where there is none); with `pairs` of such as BTC-USD."""
    spelled = pc.binary_join_element_wise(symbols.fill_null(""), names.fill_null(""), _BETWEEN)
    book = _known[pairs]
    places = pc.index_in(spelled, book.spellings)
    if places.null_count:
        book = _with(book, spelled.filter(places.is_null()).unique(), pairs)
        places = pc.index_in(spelled, book.spellings)
    return book.coins.at(places)


def _with(book: _Book, new: pa.StringArray, pairs: bool) -> _Book:
    """The book with new spellings. Memory is bounded: only short ones are kept, and a book that is full begins anew."""
    coins = _read(new, pairs)
    grown = _Book(pa.concat_arrays([book.spellings, new]), book.coins.and_(coins))
    if pc.max(pc.binary_length(new)).as_py() <= LONGEST_KEPT:
        _known[pairs] = grown if len(grown.spellings) <= COINS_KEPT else _Book(new, coins)
    return grown


def _read(spellings: pa.StringArray, pairs: bool) -> Coins:
    ids, symbols, names = [], [], []
    faults, foreign = {}, set()
    for place, spelling in enumerate(spellings.to_pylist()):
        raw_symbol, raw_name = spelling.split(_BETWEEN)
        (identity, symbol, name), in_dollars, fault = _coin(raw_symbol, raw_name, pairs)
        ids.append(identity)
        symbols.append(symbol)
        names.append(name)
        if fault:
            faults[place] = fault
        if not in_dollars:
            foreign.add(place)
    return Coins(
        pa.array(ids, pa.string()), pa.array(symbols, pa.string()), pa.array(names, pa.string()), faults, foreign
    )


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


def _tidy(text: str) -> str:
    tidy = " ".join(text.replace("\ufeff", "").split())
    return "" if tidy in _BLANK_NAMES else tidy
