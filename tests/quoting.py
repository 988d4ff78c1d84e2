"""Quotes as sources send them, with sensible values for whatever a test doesn't name, and rules to store them by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from core.models import Quote
from core.registry import Registry, load_registry
from db.pool import Connection, Database
from db.quotes import Rules, store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PRIORITY = {"coingecko": 3, "coinpaprika": 2, "csv": 1}
RULES = Rules(load_registry(), PRIORITY, 3600.0, fold_wrapped=True)
BARE_RULES = Rules(Registry(), PRIORITY, 3600.0, fold_wrapped=True)


def quote(source_id: str, symbol: str, name: str, price: str | None = "1", **values: Any) -> Quote:
    """A quote, observed at NOON."""
    return Quote(source_id, symbol, name, None if price is None else Decimal(price), **{"observed_at": NOON, **values})


def stored(database: Database, source: str, quotes: Sequence[Quote], rules: Rules = RULES) -> None:
    """Merge a batch as a worker does, in a transaction of its own."""
    with database.transaction() as connection:
        store(connection, source, quotes, NOON, rules)


def coin_of(connection: Connection, source: str, source_id: str) -> str:
    """Which coin an id is."""
    row = connection.execute(
        "SELECT canonical_id FROM source_mappings m JOIN cryptocurrencies USING (coin_key)"
        " WHERE m.source = %s AND source_id = %s",
        [source, source_id],
    ).fetchone()
    assert row is not None
    return str(row[0])
