"""How well coins are told apart and brought together: `python -m scripts.identity DIR`, or `make identity DIR=…`.

DIR holds whole coin lists, `coingecko_coins*.tsv` and `coinpaprika_coins*.tsv` (columns id, symbol, name; more are
ignored), and pairs known to be one coin, `coingecko_to_coinpaprika.tsv` (columns coingecko_id, coinpaprika_id). All ids
go through the program's own merging with one made-up price, into a Postgres of their own that is gone afterwards, or a
database beside the one of DATABASE_URL; once with the registry and once without.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql as compose

from core.models import Quote
from core.names import symbol_key
from core.registry import Registry, load_registry
from core.settings import Settings
from db.migrate import migrate
from db.pool import Database
from db.quotes import Rules, store
from local.postgres import Postgres

SOURCES = ("coingecko", "coinpaprika")
_AT = datetime(2021, 12, 1, tzinfo=UTC)
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Lists:
    """What was read: the ids of each source with symbol and name, and the pairs whose ids are both among them."""

    quotes: Mapping[str, Sequence[Quote]]
    pairs: Sequence[Pair]


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of it. `joined` pairs are one coin; of `wrong` ones an id is one coin with another id of the source."""

    ids: int
    lost: int
    coins: int
    shared_symbols: int
    pairs: int
    joined: int
    wrong: Sequence[Pair]
    apart: Sequence[Pair]

    @property
    def share(self) -> float:
        """The share of the pairs that were joined, in percent."""
        return 100 * self.joined / self.pairs if self.pairs else 0.0


def read(folder: Path) -> Lists:
    """Read a folder of lists. Raises ValueError with a sentence when a file or column is missing."""
    quotes = {
        source: [
            Quote(row["id"], row["symbol"], row["name"], Decimal(1), observed_at=_AT)
            for file in _files(folder, f"{source}_coins*.tsv")
            for row in _rows(file, ("id", "symbol", "name"))
        ]
        for source in SOURCES
    }
    known = {source: {quote.source_id for quote in listed} for source, listed in quotes.items()}
    (file,) = _files(folder, "coingecko_to_coinpaprika.tsv")
    pairs = [(row["coingecko_id"], row["coinpaprika_id"]) for row in _rows(file, ("coingecko_id", "coinpaprika_id"))]
    return Lists(quotes, [(g, p) for g, p in pairs if g in known["coingecko"] and p in known["coinpaprika"]])


def measure(database_url: str, lists: Lists, registry: Registry) -> Figures:
    """Merge the lists, source by source, into an empty database and count."""
    settings = Settings.from_env({})
    database = Database(database_url, size=1)
    try:
        for source, quotes in lists.quotes.items():
            with database.transaction() as connection:
                store(connection, source, quotes, _AT, Rules.of(settings, registry))
        with database.connection() as connection:
            rows = connection.execute(
                "SELECT source, source_id, coin_key, relation FROM source_mappings JOIN quotes USING (mapping_key)"
            ).fetchall()
    finally:
        database.close()
    return _count(lists, rows)


def _count(lists: Lists, rows: Sequence[tuple[str, str, int, str]]) -> Figures:
    coin_of = {(source, source_id): coin for source, source_id, coin, _ in rows}
    ids_of: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
    for source, source_id, coin, relation in rows:
        if relation == "same":
            ids_of[coin, source].add(source_id)
    joined, wrong, apart = [], [], []
    for pair in lists.pairs:
        coins = [coin_of[source, source_id] for source, source_id in zip(SOURCES, pair, strict=True)]
        partners = ids_of[coins[0], "coinpaprika"] - {pair[1]} | ids_of[coins[1], "coingecko"] - {pair[0]}
        if coins[0] == coins[1]:
            joined.append(pair)
        else:
            apart.append(pair)
        if partners:
            wrong.append(pair)
    sent = {(source, quote.source_id) for source, quotes in lists.quotes.items() for quote in quotes}
    symbols: defaultdict[str, set[int]] = defaultdict(set)
    for source, quotes in lists.quotes.items():
        for quote in quotes:
            symbols[symbol_key(quote.symbol)].add(coin_of[source, quote.source_id])
    return Figures(
        ids=len(sent),
        lost=len(sent - coin_of.keys()),
        coins=len(set(coin_of.values())),
        shared_symbols=sum(len(coins) > 1 for coins in symbols.values()),
        pairs=len(lists.pairs),
        joined=len(joined),
        wrong=wrong,
        apart=apart,
    )


def lines(figures: Figures, heading: str) -> Iterator[str]:
    """The figures for people."""
    yield f"{heading}: {figures.ids} ids, {figures.lost} lost, {figures.coins} coins"
    yield f"  {figures.shared_symbols} symbols belong to more than one coin"
    share = f"{figures.joined} of {figures.pairs} known pairs are one coin ({figures.share:.1f}%)"
    yield f"  {share}, {len(figures.wrong)} wrong"
    for name, pairs in (("apart", figures.apart), ("wrong", figures.wrong)):
        for pair in pairs:
            yield f"    {name}: {' and '.join(pair)}"


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """A migrated database of its own on that server; gone afterwards."""
    name = compose.Identifier(f"identity_{uuid.uuid4().hex}")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(compose.SQL("CREATE DATABASE {}").format(name))
        try:
            url = urlunsplit(urlsplit(server)._replace(path=f"/{name.as_string().strip(chr(34))}"))
            migrate(url)
            yield url
        finally:
            connection.execute(compose.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@contextmanager
def _server() -> Iterator[str]:
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="crypto-quotes-identity-") as folder:
        Path(folder).chmod(0o711)  # `nobody` must be able to pass, when root runs this
        postgres = Postgres(Path(folder) / "postgres", durable=False)
        try:
            yield postgres.start()
        finally:
            postgres.stop()


def _files(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.glob(pattern))
    if not found:
        raise ValueError(f"{folder} has no {pattern}.")
    return found


def _rows(file: Path, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        reader = csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
        if missing := set(columns) - set(reader.fieldnames or ()):
            raise ValueError(f"{file.name} has no column {', '.join(sorted(missing))}.")
        yield from reader


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.identity", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    try:
        lists = read(chosen.folder)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    with _server() as server:
        for heading, registry in (("with the registry", load_registry()), ("without it", Registry())):
            with fresh_database(server) as url:
                for line in lines(measure(url, lists, registry), heading):
                    print(line, flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
