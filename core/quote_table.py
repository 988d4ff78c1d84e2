"""Many quotes as columns of text: a sequence of quotes like any other, and for a bulk load what it takes as it stands.

A file's million rows are never a million objects: a figure that was checked as text goes to Postgres as that text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import overload

from core.models import Quote

FIGURES = (
    "price",
    "market_cap",
    "volume_24h",
    "price_change_24h",
    "high_24h",
    "low_24h",
    "circulating_supply",
    "total_supply",
    "max_supply",
)


@dataclass(frozen=True, slots=True, eq=False)
class QuoteTable(Sequence[Quote]):
    """Columns of one length, row by row a Quote.

    `figures` are by name (of FIGURES; one that is absent is unknown throughout): decimal numbers as `decimal_of` takes
    them, or "" where unknown. `ranks` and `moments` (aware UTC) are None where unknown, and empty when all are.
    `flags` are by row, for those that have any.
    """

    source_ids: Sequence[str]
    symbols: Sequence[str]
    names: Sequence[str]
    figures: Mapping[str, Sequence[str]]
    ranks: Sequence[int | None] = ()
    moments: Sequence[datetime | None] = ()
    flags: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, quotes: Iterable[Quote]) -> QuoteTable:
        """The same quotes in columns."""
        quotes = list(quotes)
        figures = {
            name: ["" if (value := getattr(q, name)) is None else str(value) for q in quotes] for name in FIGURES
        }
        return cls(
            [quote.source_id for quote in quotes],
            [quote.symbol for quote in quotes],
            [quote.name for quote in quotes],
            {name: texts for name, texts in figures.items() if any(texts)},
            [quote.rank for quote in quotes],
            [quote.observed_at for quote in quotes],
            {row: quote.flags for row, quote in enumerate(quotes) if quote.flags},
        )

    def __len__(self) -> int:
        return len(self.source_ids)

    @overload
    def __getitem__(self, row: int) -> Quote: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Quote]: ...
    def __getitem__(self, row: int | slice) -> Quote | Sequence[Quote]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        row = range(len(self))[row]
        return Quote(
            self.source_ids[row],
            self.symbols[row],
            self.names[row],
            **{"price": None} | {name: Decimal(texts[row]) for name, texts in self.figures.items() if texts[row]},
            rank=self.ranks[row] if self.ranks else None,
            observed_at=self.moments[row] if self.moments else None,
            flags=self.flags.get(row, ()),
        )

    def __iter__(self) -> Iterator[Quote]:
        return (self[row] for row in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # equal to lists, which have none
