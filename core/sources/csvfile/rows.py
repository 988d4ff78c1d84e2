"""A table of texts made quotes, column by column. A row with one bad value is rejected, alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.figures import rank_of
from core.models import Parsed, Rejection
from core.plausibility import flags
from core.quote_table import QuoteTable
from core.sources.csvfile.cells import figure
from core.sources.csvfile.coins import coins_of
from core.sources.csvfile.columns import SORTS
from core.sources.csvfile.layout import Layout
from core.sources.csvfile.marks import Mark
from core.sources.csvfile.suspects import suspects
from core.sources.csvfile.table import Table
from core.sources.csvfile.times import moment

NOT_DOLLARS = "not_us_dollars"

# Such a number needs no closer look: it is what decimal_of makes of it.
_PLAIN = r"^-?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-3]?[0-9])?$"
_WHOLE = r"^[0-9]{1,9}$"


def quotes_of(table: Table, layout: Layout, read_at: datetime) -> Parsed:
    """Every row as a Quote or a Rejection, each in the order of the file. `read_at` is when the file was read."""
    nobody = pa.nulls(len(table.lines), pa.string())
    coins = coins_of(*(table.columns.get(name, nobody) for name in ("symbol", "name")), pairs=layout.pairs)
    faults, foreign = coins.faults, coins.foreign  # by row, the first fault found
    figures = {name: _figures(name, table, layout, faults, foreign) for name in SORTS if name in table.columns}
    ranks = _ranks(figures.pop("rank", None))
    _refuse_empty_rows(list(figures.values()), faults)
    moments = _moments(table, layout, read_at, faults)
    quotes = QuoteTable(coins.source_ids, coins.symbols, coins.names, figures, ranks, moments)
    rejections = list(table.rejections)
    if faults:
        quotes, foreign = _without(quotes, foreign, faults)
        rejections += [Rejection(int(table.lines[row]), reason, table.raw(row)) for row, reason in faults.items()]
    rejections.sort(key=lambda rejection: rejection.row)
    marked = {row: flags(quotes[row]) for row in suspects(quotes.figures, len(quotes))}
    marked |= {row: (*marked.get(row, ()), NOT_DOLLARS) for row in foreign}
    return Parsed(
        replace(quotes, flags={row: found for row, found in marked.items() if found}), rejections, layout.notes
    )


def _figures(name: str, table: Table, layout: Layout, faults: dict[int, str], foreign: set[int]) -> pa.StringArray:
    """A column's figures as texts that are exact decimal numbers, null where unknown."""
    texts, mark = table.columns[name], layout.marks.get(name, Mark.PLAIN)
    odd = texts.is_valid()
    if mark in (Mark.POINT, Mark.PLAIN):
        plain = pc.match_substring_regex(texts, _PLAIN)
        if pc.all(plain, min_count=0).as_py():
            return texts
        texts = pc.ascii_trim(texts, " ")
        odd = pc.invert(pc.match_substring_regex(texts, _PLAIN)).fill_null(False)
    found = []
    for row, text in zip(np.flatnonzero(odd).tolist(), texts.filter(odd).to_pylist(), strict=True):
        value = None
        try:
            value, is_foreign = figure(text, mark, SORTS[name])
            if is_foreign:
                foreign.add(row)
        except ValueError as error:
            faults.setdefault(row, f"{name} {error}")
        found.append(None if value is None else str(value))
    return pc.replace_with_mask(texts, odd, pa.array(found, pa.string()))


def _ranks(figures: pa.StringArray | None) -> pa.Int32Array | None:
    """Places in a list, null where unknown or no such place."""
    if figures is None:
        return None
    if pc.all(pc.match_substring_regex(figures, _WHOLE), min_count=0).as_py():
        ranks = figures.cast(pa.int32())
        return pc.replace_with_mask(ranks, pc.equal(ranks, 0).fill_null(False), pa.scalar(None, pa.int32()))
    return pa.array(map(rank_of, figures.to_pylist()), pa.int32())


def _refuse_empty_rows(figures: Sequence[pa.StringArray], faults: dict[int, str]) -> None:
    """A row that quotes nothing at all is refused; a rank or a time alone is no quote."""
    if figures[0].null_count:
        for row in np.flatnonzero(reduce(pc.and_, (column.is_null() for column in figures))).tolist():
            faults.setdefault(row, "the row has no figure: price and everything else are unknown")


def _moments(table: Table, layout: Layout, read_at: datetime, faults: dict[int, str]) -> pa.TimestampArray | None:
    """Files have few different times, so each is read once."""
    texts = table.columns.get("observed_at")
    if texts is None:
        return None
    different = texts.dictionary_encode()
    read: list[datetime | None] = []
    unreadable: dict[int, str] = {}
    for place, text in enumerate(different.dictionary.to_pylist()):
        found = None
        try:
            found = moment(text, layout.date_order, read_at)
        except ValueError as error:
            unreadable[place] = f"observed_at {error}"
        read.append(found and found.replace(tzinfo=None))
    if unreadable:
        places = different.indices.fill_null(-1).to_numpy()
        for row in np.flatnonzero(np.isin(places, list(unreadable))).tolist():
            faults.setdefault(row, unreadable[int(places[row])])
    return pa.array(read, pa.timestamp("us")).take(different.indices)


def _without(quotes: QuoteTable, foreign: set[int], rows: Iterable[int]) -> tuple[QuoteTable, set[int]]:
    """The quotes but for these rows, and where the foreign ones are then."""
    staying = np.ones(len(quotes), np.bool_)
    staying[list(rows)] = False
    places, mask = np.cumsum(staying) - 1, pa.array(staying)
    return QuoteTable(
        quotes.source_ids.filter(mask),
        quotes.symbols.filter(mask),
        quotes.names.filter(mask),
        {name: texts.filter(mask) for name, texts in quotes.figures.items()},
        None if quotes.ranks is None else quotes.ranks.filter(mask),
        None if quotes.moments is None else quotes.moments.filter(mask),
    ), {int(places[row]) for row in foreign if staying[row]}
