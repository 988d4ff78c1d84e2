"""A refresh that brings nothing new writes nothing; one that brings something writes that alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from db.pool import Database
from tests.factories import Factory
from tests.quoting import NOON, quote, stored

_ROWS = {
    "quotes": "SELECT json_object_agg(mapping_key, xmin::text) FROM quotes",
    "records": "SELECT json_object_agg(canonical_id, xmin::text) FROM cryptocurrencies",
    "history": "SELECT json_object_agg(mapping_key || ' ' || observed_at, xmin::text) FROM price_history",
    "version": "SELECT to_json(data_version())",
}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=2)
    yield database
    database.close()


def written(factory: Factory) -> dict[str, Any]:
    """Which transaction wrote each row, and which data there are."""
    return {name: factory.value(query) for name, query in _ROWS.items()}


def test_a_refresh_that_brings_nothing_new_writes_nothing(database: Database, factory: Factory) -> None:
    market = [quote("bitcoin", "btc", "Bitcoin", "37223.01"), quote("ripple", "xrp", "XRP", "0.5")]
    stored(database, "coingecko", market)
    before = written(factory)
    stored(database, "coingecko", market)
    assert written(factory) == before


def test_a_refresh_writes_only_the_coins_that_changed(database: Database, factory: Factory) -> None:
    still = quote("ripple", "xrp", "XRP", "0.5")
    stored(database, "coingecko", [quote("bitcoin", "btc", "Bitcoin", "37223.01"), still])
    before = written(factory)
    later = quote("bitcoin", "btc", "Bitcoin", "37224", observed_at=NOON + timedelta(minutes=5))
    stored(database, "coingecko", [later, still])
    after = written(factory)
    assert after["records"]["xrp"] == before["records"]["xrp"]
    assert after["records"]["btc"] != before["records"]["btc"]
    assert len(after["quotes"].items() - before["quotes"].items()) == 1
    assert before["history"].items() < after["history"].items()
    assert len(after["history"]) == 3
