"""What an exchange says of a coin is evidence under that coin, and changes nothing that others said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from core.models import JsonObject, Quote
from core.settings import Settings
from core.sources import SOURCES
from db.pool import Database
from tests.contract import ContractClient, exact
from tests.quoting import NOON, RULES, coin_of, quote, stored
from tests.unit.source_cases import BINANCE

COINS = "/api/v1/coins"
RECORD = (
    "symbol", "name", "price", "market_cap", "volume_24h", "price_change_24h", "circulating_supply", "rank", "source",
    "last_updated", "provenance",
)  # fmt: skip


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=2)
    yield database
    database.close()


def seen_at(at: datetime) -> Sequence[Quote]:
    """What Binance's recorded answer says, as if it were of then."""
    meta: JsonObject = {"fetched_at": NOON.isoformat()}
    return [replace(each, observed_at=at) for each in SOURCES["binance"].parse(BINANCE.encode(), meta).quotes]


def record(client: ContractClient, canonical_id: str) -> dict[str, Any]:
    coin = exact(client.get(f"{COINS}/{canonical_id}"))
    return {field: coin[field] for field in RECORD}


def test_binances_bitcoin_is_bitcoin_and_the_golden_record_stays_as_it_was(
    client: ContractClient, database: Database
) -> None:
    known = quote("bitcoin", "btc", "Bitcoin", "64000", market_cap=Decimal(9), volume_24h=Decimal(8))
    stored(database, "coingecko", [replace(known, price_change_24h=Decimal(1))])
    before = record(client, "btc")
    stored(database, "binance", seen_at(NOON))
    assert record(client, "btc") == before
    coin = exact(client.get(f"{COINS}/btc"))
    assert set(coin["sources"]) == {"coingecko", "binance"}
    prices = {each["source"]: str(each["price"]) for each in coin["quotes"]}
    assert prices == {"coingecko": "64000", "binance": "64123.10000000"}
    why = exact(client.get(f"{COINS}/btc/explain"))
    assert "The registry lists binance 'BTC' as btc (known from komodo-2025)." in str(why)


def test_an_unnamed_source_ranks_below_files(client: ContractClient, database: Database) -> None:
    assert not {"binance", "kraken"} & set(Settings.from_env({}).source_priority)
    stored(database, "binance", seen_at(NOON))
    assert record(client, "btc")["source"] == "binance"
    stored(database, "csv", [quote("btc-bitcoin", "BTC", "Bitcoin", "63000")])
    after = record(client, "btc")
    assert (after["source"], after["price"], after["name"]) == ("csv", 63000, "Bitcoin")


def test_a_coin_that_only_an_exchange_has_goes_by_what_the_registry_calls_it(
    client: ContractClient, database: Database
) -> None:
    stored(database, "kraken", [quote("XXDG", "DOGE", "", "0.1235400")])
    after = record(client, "doge")
    assert (after["symbol"], after["name"]) == ("DOGE", "Dogecoin")


@pytest.mark.parametrize("order", [("coingecko", "binance"), ("binance", "coingecko")])
def test_a_symbol_alone_is_no_coin_that_another_source_has(database: Database, order: tuple[str, ...]) -> None:
    batches = {
        "coingecko": [quote("spk", "spk", "SPK", "0.000000001223")],
        "binance": [each for each in seen_at(NOON) if each.symbol == "SPK"],
    }
    for source in order:
        stored(database, source, batches[source])
    with database.connection() as connection:
        assert coin_of(connection, "coingecko", "spk") != coin_of(connection, "binance", "SPK")


def test_an_exchanges_wrapped_coin_stands_for_the_underlying_one(client: ContractClient, database: Database) -> None:
    assert RULES.fold_wrapped
    stored(database, "coingecko", [quote("bitcoin", "btc", "Bitcoin", "64000")])
    stored(database, "kraken", [quote("WBTC", "WBTC", "", "63990")])
    with database.connection() as connection:
        assert coin_of(connection, "kraken", "WBTC") == "btc"
    assert record(client, "btc")["price"] == 64000
