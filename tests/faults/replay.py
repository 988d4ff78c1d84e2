"""Invariant 10: the data are what the rules give for the batches that were merged, as a run without faults has them.

The merged batches are put through the product's own merge once more, one after the other, in an order that has nothing
to do with the run's, into a fresh database, and both databases are dumped, sorted, and compared byte for byte. What a
dump leaves out: surrogate keys; when a row was first seen or fetched; and by which rule an id was matched, for of two
sources that know the same coin whichever comes first is the new one.

That alone would not find an error in the merge itself. So history, latest quotes and golden records are held to plain
models as well.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from core.models import Quote
from core.registry import load_registry
from core.settings import Settings
from core.sources import SOURCES
from db.pool import Database
from db.quotes import Rules, store
from db.tasks import load_batch
from tests.merging import FIGURES, Candidate, golden

_DUMPS: Mapping[str, LiteralString] = {
    "cryptocurrencies": "SELECT (to_jsonb(c) - 'coin_key')::text FROM cryptocurrencies c",
    "source_mappings": (
        "SELECT (to_jsonb(m) - '{coin_key,mapping_key,first_seen,matched_by,ambiguous}'::text[]"
        " || jsonb_build_object('coin', c.canonical_id))::text"
        " FROM source_mappings m JOIN cryptocurrencies c USING (coin_key)"
    ),
    "quotes": (
        "SELECT (to_jsonb(q) - '{mapping_key,fetched_at}'::text[]"
        " || jsonb_build_object('source', m.source, 'source_id', m.source_id))::text"
        " FROM quotes q JOIN source_mappings m USING (mapping_key)"
    ),
    "price_history": (
        "SELECT (to_jsonb(h) - 'mapping_key' || jsonb_build_object('source', m.source, 'source_id', m.source_id))::text"
        " FROM price_history h JOIN source_mappings m USING (mapping_key)"
    ),
}
# Each observation with what decides between two of the same time.
_HISTORY: LiteralString = """
    SELECT m.source, m.source_id, o.observed_at, NOT o.time_assumed, coalesce(o.price, '-Infinity'),
           coalesce(o.market_cap, '-Infinity'), coalesce(o.volume_24h, '-Infinity')
    FROM price_history o JOIN source_mappings m USING (mapping_key)
"""
_LATEST: LiteralString = _HISTORY.replace("price_history", "quotes")
_SHOWN = 3


@dataclass(frozen=True)
class _Batch:
    source: str
    body: bytes
    meta: dict[str, Any]
    fetched_at: datetime

    @property
    def quotes(self) -> Sequence[Quote]:
        return SOURCES[self.source].parse(self.body, self.meta).quotes

    @property
    def place(self) -> bytes:
        """Where it comes in a canonical order: by what it is, not by when it came."""
        said = json.dumps([self.source, self.meta, str(self.fetched_at)], sort_keys=True, default=str)
        return hashlib.sha256(said.encode() + self.body).digest()


def _merged_batches(connection: psycopg.Connection) -> list[_Batch]:
    rows = connection.execute(
        "SELECT DISTINCT b.id, t.source FROM raw_batches b JOIN tasks t ON t.batch_id = b.id"
        " WHERE t.state = 'succeeded'"
    ).fetchall()
    batches = [(source, load_batch(connection, batch)) for batch, source in rows]
    return sorted(
        (_Batch(source, kept.body, dict(kept.meta), kept.fetched_at) for source, kept in batches if kept),
        key=lambda batch: batch.place,
    )


def violations(database_url: str, fresh_url: str, settings: Mapping[str, str]) -> Iterator[str]:
    """Sentences on what differs; `fresh_url` is a migrated database without data, `settings` those of the run."""
    rules = Rules.of(Settings.from_env(settings), load_registry())
    with psycopg.connect(database_url) as connection, psycopg.connect(fresh_url) as fresh:
        batches = _merged_batches(connection)
        _replay(batches, fresh_url, rules)
        for table, query in _DUMPS.items():
            yield from _differences(table, _sorted(connection, query), _sorted(fresh, query))
        yield from _against_plain_history(connection, batches)
        yield from _against_plain_golden(connection, rules)


def _replay(batches: Sequence[_Batch], url: str, rules: Rules) -> None:
    database = Database(url, size=1)
    try:
        for batch in batches:
            with database.transaction() as connection:
                store(connection, batch.source, batch.quotes, batch.fetched_at, rules)
    finally:
        database.close()


def _sorted(connection: psycopg.Connection, query: LiteralString) -> list[str]:
    return sorted(row[0] for row in connection.execute(query))


def _differences(what: str, found: Sequence[str], right: Sequence[str]) -> Iterator[str]:
    if found == right:
        return
    too_many, missing = sorted(set(found) - set(right)), sorted(set(right) - set(found))
    yield (
        f"{what}: {len(too_many)} rows that should not be there, such as {too_many[:_SHOWN]},"
        f" and {len(missing)} missing, such as {missing[:_SHOWN]}"
    )


_Order = tuple[bool, Decimal, Decimal, Decimal]


def _order(quote: Quote) -> _Order:
    """Of two observations of the same time: one whose time is known, then the higher figures."""
    low = Decimal("-Infinity")
    figures = (low if figure is None else figure for figure in (quote.price, quote.market_cap, quote.volume_24h))
    price, cap, volume = figures
    return quote.observed_at is not None, price, cap, volume


def _against_plain_history(connection: psycopg.Connection, batches: Sequence[_Batch]) -> Iterator[str]:
    """Every observation once, and the latest of each id, worked out again by hand."""
    history: dict[tuple[str, str], dict[datetime, _Order]] = defaultdict(dict)
    for batch in batches:
        for quote in batch.quotes:
            at = quote.observed_at or batch.fetched_at
            seen = history[batch.source, quote.source_id]
            seen[at] = max(_order(quote), seen.get(at, _order(quote)))
    right = sorted((*key, at, *order) for key, seen in history.items() for at, order in seen.items())
    yield from _differences("history by hand", _rows(connection, _HISTORY), sorted(map(str, right)))
    latest = sorted(str((*key, max(seen), *seen[max(seen)])) for key, seen in history.items())
    yield from _differences("latest quotes by hand", _rows(connection, _LATEST), latest)


def _rows(connection: psycopg.Connection, query: LiteralString) -> list[str]:
    return sorted(map(str, connection.execute(query)))


def _against_plain_golden(connection: psycopg.Connection, rules: Rules) -> Iterator[str]:
    with connection.cursor(row_factory=dict_row) as cursor:
        quotes = cursor.execute(
            "SELECT m.coin_key, m.source, m.source_id, m.relation, q.*"
            " FROM quotes q JOIN source_mappings m USING (mapping_key)"
        ).fetchall()
        coins = cursor.execute("SELECT * FROM cryptocurrencies").fetchall()
    candidates: dict[int, list[Candidate]] = defaultdict(list)
    for row in quotes:
        figures = {name: row[name] for name in FIGURES}
        candidates[row["coin_key"]].append(
            Candidate(
                row["source"],
                row["source_id"],
                row["relation"],
                row["observed_at"],
                row["time_assumed"],
                figures,
                tuple(row["flags"]),
            )
        )
    for coin in coins:
        right = golden(candidates[coin["coin_key"]], rules.priorities, timedelta(seconds=rules.stale_after))
        found = (coin["source"], coin["last_updated"], coin["time_assumed"], tuple(coin["flags"]), coin["provenance"])
        wanted = (right.source, right.last_updated, right.time_assumed, right.flags, right.provenance)
        if found != wanted or any(coin[name] != right.figures[name] for name in FIGURES):
            yield f"golden record of {coin['canonical_id']}: {found}, by the rules {wanted}"
