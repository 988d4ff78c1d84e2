"""Pages of quotes as text for COPY: https://www.postgresql.org/docs/current/sql-copy.html, File Formats."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from core.models import Quote
from core.quote_table import QuoteTable

_BETWEEN = "\0"  # in no text that can be stored
# Tabs between the cells and nothing where null: for columns whose texts are never empty nor hold what needs a quote.
_BARE = pa.csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
_QUOTED = pa.csv.WriteOptions(include_header=False, quoting_style="all_valid")


class Incoming:
    """Pages that are merged together, one after the other made text.

    A file says the same few names again and again: who is quoted is numbered in the order they came and sent once, and
    the rows with their numbers.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._known: pa.StringArray = pa.array([], pa.string())
        self._pages: list[int] = []

    def page(self, quotes: Sequence[Quote], page: int, fetched_at: datetime) -> tuple[Sequence[str], memoryview]:
        """The rows of a page (from 1) for the table `incoming`: which columns they have, and their text."""
        table = quotes if isinstance(quotes, QuoteTable) else QuoteTable.of(quotes)
        rows = len(table)
        self.rows += rows
        columns = {"number": self._numbers(table, page), "page": pa.repeat(pa.scalar(page, pa.int16()), rows)}
        columns |= table.figures
        if table.ranks is not None and table.ranks.null_count < rows:
            columns["rank"] = table.ranks
        moments = pa.nulls(rows, pa.timestamp("us")) if table.moments is None else table.moments
        columns["observed_at"] = _written_once(moments, fetched_at)
        columns["time_assumed"] = moments.is_null()
        if table.flags:
            flags = ["{" + ",".join(table.flags.get(row, ())) + "}" for row in range(rows)]
            columns["flags"] = pa.array(flags, pa.string())
        return list(columns), _text(list(columns.values()), _BARE)

    def names(self) -> memoryview:
        """The rows for the table `incoming_names`, as CSV."""
        parts = pc.split_pattern(self._known, _BETWEEN)
        texts = [pc.list_element(parts, place) for place in range(3)]
        return _text([pa.array(range(len(parts)), pa.int32()), pa.array(self._pages, pa.int16()), *texts], _QUOTED)

    def give_back(self) -> None:
        """Return to the system what making text took: it lies scattered, and would be more with every page."""
        pa.default_memory_pool().release_unused()

    def _numbers(self, quotes: QuoteTable, page: int) -> pa.Int32Array:
        who = pc.binary_join_element_wise(quotes.source_ids, quotes.symbols, quotes.names, _BETWEEN)
        numbers = pc.index_in(who, self._known)
        if numbers.null_count:
            new = who.filter(numbers.is_null()).unique()
            self._known = pa.concat_arrays([self._known, new])
            self._pages += [page] * len(new)
            numbers = pc.index_in(who, self._known)
        return numbers


def _written_once(moments: pa.TimestampArray, fetched_at: datetime) -> pa.StringArray:
    """The moments as text, `fetched_at` for those that are unknown. There are few different ones."""
    different = moments.dictionary_encode()
    texts = [moment.replace(tzinfo=UTC).isoformat() for moment in different.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(different.indices).fill_null(fetched_at.isoformat())


def _text(columns: list[pa.Array], options: pa.csv.WriteOptions) -> memoryview:
    text = pa.BufferOutputStream()
    pa.csv.write_csv(pa.Table.from_arrays(columns, [str(place) for place in range(len(columns))]), text, options)
    return memoryview(text.getvalue())
