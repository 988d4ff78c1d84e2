"""Pages of quotes in COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html, File Formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from core.quote_table import QuoteTable

_NULL = "\\N"
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_LINES_AT_ONCE = 5_000


class Names:
    """Who is quoted, numbered in the order they came, over all pages that are merged together.

    A file says the same few names again and again: they are sent once, and its rows with their numbers.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str, str], str] = {}
        self._pages: list[str] = []

    def number(self, quotes: QuoteTable, page: int) -> Sequence[str]:
        """Row by row the number of who is quoted on this page (from 1)."""
        numbers = self._numbers
        rows = list(zip(quotes.source_ids, quotes.symbols, quotes.names, strict=True))
        for row in dict.fromkeys(rows):
            if row not in numbers:
                numbers[row] = str(len(numbers))
        self._pages += [str(page)] * (len(numbers) - len(self._pages))
        return [numbers[row] for row in rows]

    def columns(self) -> Mapping[str, Sequence[str]]:
        """The columns of the table `incoming_names`."""
        ids, symbols, names = zip(*self._numbers, strict=True)
        return {
            "number": list(self._numbers.values()),
            "page": self._pages,
            "source_id": _escaped(ids),
            "symbol": _escaped(symbols),
            "name": _escaped(names),
        }


def columns_of(
    quotes: QuoteTable, numbers: Sequence[str], page: int, fetched_at: datetime
) -> Mapping[str, Sequence[str]]:
    """The columns of the table `incoming`, without those that would be null throughout."""
    columns: dict[str, Sequence[str]] = {"number": numbers, "page": [str(page)] * len(quotes)}
    for name, texts in quotes.figures.items():
        columns[name] = [text or _NULL for text in texts] if "" in texts else texts
    if any(quotes.ranks):
        columns["rank"] = [_NULL if rank is None else str(rank) for rank in quotes.ranks]
    moments = quotes.moments or [None] * len(quotes)
    # Files have few different times.
    written = {moment: (moment or fetched_at).isoformat() for moment in set(moments)}
    columns["observed_at"] = [written[moment] for moment in moments]
    columns["time_assumed"] = ["t" if moment is None else "f" for moment in moments]
    if quotes.flags:
        columns["flags"] = ["{" + ",".join(quotes.flags.get(row, ())) + "}" for row in range(len(quotes))]
    return columns


def lines_of(columns: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The rows, some thousand at a time."""
    rows = map("\t".join, zip(*columns.values(), strict=True))
    while lines := list(islice(rows, _LINES_AT_ONCE)):
        yield "\n".join([*lines, ""])


def _escaped(texts: Sequence[str]) -> Sequence[str]:
    whole = "".join(texts)
    if any(character in whole for character in "\\\t\n\r"):
        return [text.translate(_ESCAPED) for text in texts]
    return texts
