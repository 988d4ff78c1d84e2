"""Many quotes as columns: a sequence of quotes like any other, and for a bulk load what it takes as it stands.

A file's million rows are never a million objects: the columns are Arrow's, so a figure that was checked as text goes to
Postgres as that text. Whoever has no such table at hand doesn't load pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, overload

from core.models import Quote

if TYPE_CHECKING:
    import pyarrow as pa

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
    """Columns of one length, row by row a Quote; what is unknown is null.

    `figures` are texts, decimal numbers as `decimal_of` takes them, by name (of FIGURES; one that is absent is unknown
    throughout). `ranks` are int32, `moments` microseconds without a zone, which is UTC; None when all are unknown.
    `flags` are by row, for those that have any.
    """

    source_ids: pa.StringArray
    symbols: pa.StringArray
    names: pa.StringArray
    figures: Mapping[str, pa.StringArray]
    ranks: pa.Int32Array | None = None
    moments: pa.TimestampArray | None = None
    flags: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, quotes: Iterable[Quote]) -> QuoteTable:
        """The same quotes in columns."""
        import pyarrow as pa

        quotes = list(quotes)
        figures = {
            name: pa.array([None if (value := getattr(q, name)) is None else str(value) for q in quotes], pa.string())
            for name in FIGURES
        }
        moments = [moment and moment.astimezone(UTC).replace(tzinfo=None) for moment in (q.observed_at for q in quotes)]
        return cls(
            pa.array([quote.source_id for quote in quotes], pa.string()),
            pa.array([quote.symbol for quote in quotes], pa.string()),
            pa.array([quote.name for quote in quotes], pa.string()),
            {name: texts for name, texts in figures.items() if texts.null_count < len(quotes)},
            pa.array([quote.rank for quote in quotes], pa.int32()),
            pa.array(moments, pa.timestamp("us")),
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
        figures = {name: texts[row].as_py() for name, texts in self.figures.items()}
        moment = self.moments[row].as_py() if self.moments is not None else None
        return Quote(
            self.source_ids[row].as_py(),
            self.symbols[row].as_py(),
            self.names[row].as_py(),
            **{"price": None} | {name: Decimal(text) for name, text in figures.items() if text is not None},
            rank=self.ranks[row].as_py() if self.ranks is not None else None,
            observed_at=moment and moment.replace(tzinfo=UTC),
            flags=self.flags.get(row, ()),
        )

    def __iter__(self) -> Iterator[Quote]:
        return (self[row] for row in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # equal to lists, which have none
