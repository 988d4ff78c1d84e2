"""The nouns that everything else speaks in: frozen, typed, free of behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

Json: TypeAlias = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None
JsonObject: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Quote:
    """What one source said of one coin at one time. Figures are exact decimals, None where unknown.

    `price`, `market_cap`, `volume_24h`, `high_24h` and `low_24h` are in US dollars,
    `price_change_24h` in percent. `observed_at` is None when the source gave no time. `flags` names
    what can't be right about the quote; it is kept all the same.
    """

    source_id: str
    symbol: str
    name: str
    price: Decimal | None
    market_cap: Decimal | None = None
    volume_24h: Decimal | None = None
    price_change_24h: Decimal | None = None
    high_24h: Decimal | None = None
    low_24h: Decimal | None = None
    circulating_supply: Decimal | None = None
    total_supply: Decimal | None = None
    max_supply: Decimal | None = None
    rank: int | None = None
    observed_at: datetime | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that is not stored, with the reason. `row` is the line of the file, or the place in a page (from 1)."""

    row: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A page read: `rows` came, each of them is among the quotes or the rejections.

    `notes` is what the reader chose and a person may want to check, such as the columns of a CSV file. `lasting`: the
    same page would be read the same whenever it was fetched later.
    """

    quotes: Sequence[Quote]
    rejections: Sequence[Rejection] = ()
    notes: JsonObject = field(default_factory=dict)
    lasting: bool = False

    @property
    def rows(self) -> int:
        return len(self.quotes) + len(self.rejections)


@dataclass(frozen=True, slots=True)
class Page:
    """One piece of a source's answer as it came, before parsing.

    `number` counts from 1 within a fetch. `meta` is what `parse` needs besides the body. `cursor` is
    from where the next page would be fetched after a crash; opaque to everyone but the source. `at` is where in a file
    the body stands, in bytes; None when it is no part of one. `digest` stands for what this page and all before it say,
    and how that is read; None when it is never the same twice.
    """

    number: int
    body: bytes
    meta: JsonObject
    cursor: JsonObject
    last: bool
    at: int | None = None
    digest: bytes | None = None
