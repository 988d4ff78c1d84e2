"""The well-known coins and the wrapped ones, and their ids at each source: facts in data/, read once.

data/README.md says what the columns mean and where the facts come from.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

from core.errors import BadSettings
from core.names import name_key, slug, symbol_key

FOLDER = Path(__file__).resolve().parent.parent / "data"
# Sources with a column of ids in registry.csv; other providers' ids have a line each in exchanges.csv.
NUMBERED = ("coingecko", "coinpaprika")
# Sources whose rows carry no id that a provider gave: symbol and name are all that there is.
NAMED = ("csv",)
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_COINS = (
    "canonical_id", "symbol", "name", "other_symbols", "other_names",
    *NUMBERED, *(f"{source}_from" for source in NUMBERED),
)  # fmt: skip
_LISTED = ("source", "source_id", "canonical_id", "known_from")
_WRAPPED = ("source", "source_id", "own_id", "underlying", "symbol", "name", "known_from")


@dataclass(frozen=True, slots=True)
class RegistryCoin:
    """A coin that the world knows by this symbol; `canonical_id` is the symbol in lower case."""

    canonical_id: str
    symbol: str
    name: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What the registry says of one id at one source.

    `relation` is `same`, or `wrapped` when the id is a claim on `canonical_id`'s coin; `own_id` is then the id that the
    wrapped coin has where wrapped coins are kept apart. `known_from` names where the fact is from (data/README.md).
    """

    canonical_id: str
    own_id: str
    relation: str
    known_from: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Registry:
    """What is known beforehand. Empty, it decides nothing.

    `coins` are by canonical id and include the wrapped ones under their own; `listings` by (source, source_id);
    `by_spelling` by (symbol_key, slug of the name), `by_name` by the slug alone and `by_keys` by (symbol_key, name_key)
    give canonical ids; `listed` are the (own id, source) for which an id is known; `reserved` the canonical ids that no
    other coin may have.
    """

    coins: Mapping[str, RegistryCoin] = field(default_factory=dict)
    listings: Mapping[tuple[str, str], Listing] = field(default_factory=dict)
    by_spelling: Mapping[tuple[str, str], str] = field(default_factory=dict)
    by_keys: Mapping[tuple[str, str], str] = field(default_factory=dict)
    by_name: Mapping[str, str] = field(default_factory=dict)
    listed: frozenset[tuple[str, str]] = frozenset()
    reserved: frozenset[str] = frozenset()

    def find(self, source: str, source_id: str, symbol: str, name: str) -> Listing | None:
        """Which coin this is, or None.

        A provider's coins are judged by the id alone. Rows of files (csv) carry no id that a provider gave: symbol and
        name together decide, or a name that only one coin has when there is no symbol. The names are
        compared as they are spelled, case and punctuation apart, since `Bonk Token` once was another coin than `Bonk`.
        """
        listing = self.listings.get((source, source_id))
        if listing or source not in NAMED:
            return listing
        known = self.by_spelling.get((symbol_key(symbol), slug(name)))
        if known is None and not symbol.strip():
            known = self.by_name.get(slug(name))
        return None if known is None else Listing(known, known, "same")

    def lists_another(self, own_id: str, source: str) -> bool:
        """Whether this coin is known by an id at `source`: no id that isn't listed can then be the coin."""
        return (own_id, source) in self.listed


@cache
def load_registry(folder: Path = FOLDER) -> Registry:
    """Read registry.csv, exchanges.csv and wrapped.csv. Raises BadSettings with file and line on a contradiction."""
    reading = _Reading()
    for file, columns, take in (
        ("registry.csv", _COINS, reading.coin),
        ("exchanges.csv", _LISTED, reading.listed),
        ("wrapped.csv", _WRAPPED, reading.wrapped),
    ):
        for line, row in _rows(folder / file, columns):
            try:
                take(row)
            except ValueError as error:
                raise BadSettings(f"{file}, line {line}: {error}.") from None
    return reading.registry()


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path.name} can't be read: {error}.") from None
    reader = csv.reader(text.splitlines(), strict=True)
    if tuple(next(reader, ())) != columns:
        raise BadSettings(f"{path.name}, line 1: the columns must be {','.join(columns)}.")
    for cells in reader:
        if len(cells) != len(columns):
            raise BadSettings(f"{path.name}, line {reader.line_num}: {len(cells)} fields instead of {len(columns)}.")
        yield reader.line_num, dict(zip(columns, (cell.strip() for cell in cells), strict=True))


class _Reading:
    """The maps as they grow, line by line; every contradiction is a ValueError."""

    def __init__(self) -> None:
        self.coins: dict[str, RegistryCoin] = {}
        self.listings: dict[tuple[str, str], Listing] = {}
        self.by_spelling: dict[tuple[str, str], str] = {}
        self.by_keys: dict[tuple[str, str], str] = {}
        self.by_name: dict[str, str] = {}
        self.shared_names: set[str] = set()
        self.reserved: set[str] = set()
        self.folded: dict[str, str] = {}

    def coin(self, row: dict[str, str]) -> None:
        canonical_id = row["canonical_id"]
        self._add_coin(canonical_id, row["symbol"], row["name"])
        symbols = (row["symbol"], *_several(row["other_symbols"]))
        names = (row["name"], *_several(row["other_names"]))
        self.reserved.update(slug(symbol) for symbol in symbols)
        spellings = {(symbol_key(symbol), slug(name)) for symbol in symbols for name in names}
        keys = {(symbol_key(symbol), name_key(name)) for symbol in symbols for name in names}
        for known, several in ((self.by_spelling, spellings), (self.by_keys, keys)):
            for key in several:
                _set_once(known, key, canonical_id, lambda other: f"is {other}'s symbol and name already")
        for spelling in {slug(name) for name in names}:
            if spelling in self.by_name:
                self.shared_names.add(spelling)
            self.by_name[spelling] = canonical_id
        for source in NUMBERED:
            source_ids, origins = _several(row[source]), _several(row[f"{source}_from"])
            if len(source_ids) != len(origins):
                raise ValueError(f"{source}_from must say of each {source} id where it is known from")
            for source_id, origin in zip(source_ids, origins, strict=True):
                self._list(source, source_id, Listing(canonical_id, canonical_id, "same", origin))

    def listed(self, row: dict[str, str]) -> None:
        canonical_id = row["canonical_id"]
        if canonical_id not in self.coins:
            raise ValueError(f"{canonical_id!r} is no coin of registry.csv")
        if not row["known_from"]:
            raise ValueError("known_from must say where the id is known from")
        listing = Listing(canonical_id, canonical_id, "same", row["known_from"])
        self._list(row["source"], row["source_id"], listing)

    def wrapped(self, row: dict[str, str]) -> None:
        own_id, underlying = row["own_id"], row["underlying"]
        if underlying not in self.coins or underlying in self.folded:
            raise ValueError(f"{underlying!r} is no coin of registry.csv")
        if not row["known_from"]:
            raise ValueError("known_from must say where the id is known from")
        if own_id not in self.folded:
            self._add_coin(own_id, row["symbol"], row["name"])
            self.folded[own_id] = underlying
        elif self.folded[own_id] != underlying:
            raise ValueError(f"{own_id} stands for {self.folded[own_id]} further up")
        elif self.coins[own_id] != RegistryCoin(own_id, row["symbol"], row["name"]):
            raise ValueError(f"{own_id} has another symbol or name further up")
        self._list(row["source"], row["source_id"], Listing(underlying, own_id, "wrapped", row["known_from"]))

    def registry(self) -> Registry:
        return Registry(
            coins=self.coins,
            listings=self.listings,
            by_spelling=self.by_spelling,
            by_keys=self.by_keys,
            by_name={name: own for name, own in self.by_name.items() if name not in self.shared_names},
            listed=frozenset((listing.own_id, source) for (source, _), listing in self.listings.items()),
            reserved=frozenset(self.reserved | self.coins.keys()),
        )

    def _add_coin(self, canonical_id: str, symbol: str, name: str) -> None:
        if not symbol or not name:
            raise ValueError("symbol and name must be given")
        if canonical_id != slug(canonical_id) or not canonical_id:
            raise ValueError(f"{canonical_id!r} is not lower-case letters and digits, with single hyphens between")
        _set_once(self.coins, canonical_id, RegistryCoin(canonical_id, symbol, name), lambda _: "is there twice")

    def _list(self, source: str, source_id: str, listing: Listing) -> None:
        if not source or not source_id:
            raise ValueError("source and source_id must be given")
        _set_once(self.listings, (source, source_id), listing, lambda other: f"is {other.own_id}'s id already")


def _several(cell: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in cell.split("|")) if cell else ()
    if not all(parts):
        raise ValueError(f"{cell!r} has an empty part")
    return parts


def _set_once(into: dict[_Key, _Value], key: _Key, value: _Value, complaint: Callable[[_Value], str]) -> None:
    if key in into:
        raise ValueError(f"{key} {complaint(into[key])}")
    into[key] = value
