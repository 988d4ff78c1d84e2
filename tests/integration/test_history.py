"""A coin's past through the API: raw, and by hour and day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from db.history import prune_history
from db.pool import Database
from tests.contract import ContractClient, exact
from tests.quoting import NOON, quote, stored

HISTORY = "/api/v1/coins/btc/history"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=4)
    yield database
    database.close()


def observe(database: Database, source: str, *prices: tuple[int, str | None], wrapped: bool = False) -> None:
    """Bitcoin's price at so many minutes after noon."""
    source_id, symbol, name = ("bitcoin" if source == "coingecko" else "btc-bitcoin"), "BTC", "Bitcoin"
    if wrapped:
        source_id, symbol, name = "wrapped-bitcoin", "wbtc", "Wrapped Bitcoin"
    stored(
        database,
        source,
        [quote(source_id, symbol, name, price, observed_at=NOON + timedelta(minutes=at)) for at, price in prices],
    )


def entries(client: ContractClient, query: str) -> list[Any]:
    answer = client.get(f"{HISTORY}?{query}")
    assert answer.status_code == 200, answer.text
    return list(exact(answer)["data"])


def test_raw_history_has_every_observation_once_in_the_order_of_time(
    client: ContractClient, database: Database
) -> None:
    observe(database, "coingecko", (5, "1.223e-09"), (0, "123456789012345678.123456789"))
    observe(database, "coingecko", (5, "1.223e-09"))
    observe(database, "csv", (2, None))
    assert [(e["source"], e["observed_at"][11:16], e["price"]) for e in entries(client, "")] == [
        ("coingecko", "12:00", Decimal("123456789012345678.123456789")),
        ("csv", "12:02", None),
        ("coingecko", "12:05", Decimal("1.223e-09")),
    ]
    assert [e["source"] for e in entries(client, "source=csv")] == ["csv"]
    assert entries(client, "source=nobody") == []


def test_an_hour_has_its_open_high_low_close_and_average(client: ContractClient, database: Database) -> None:
    observe(database, "coingecko", (0, "3"), (10, "9"), (20, "1"), (59, "4.5"), (60, "7"))
    first, second = entries(client, "interval=1h")
    assert [first[name] for name in ("open", "high", "low", "close", "average", "observations")] == [
        3,
        9,
        1,
        Decimal("4.5"),
        Decimal("4.375"),
        4,
    ]
    assert (first["start"], second["start"], second["open"]) == (
        "2026-03-01T12:00:00+00:00",
        "2026-03-01T13:00:00+00:00",
        7,
    )


def test_an_hour_without_a_price_is_absent(client: ContractClient, database: Database) -> None:
    observe(database, "coingecko", (0, "3"), (70, None), (180, "4"))
    assert [e["start"][11:13] for e in entries(client, "interval=1h")] == ["12", "15"]


def test_a_golden_hour_is_the_best_sources_and_a_named_source_has_its_own(
    client: ContractClient, database: Database
) -> None:
    observe(database, "csv", (0, "1"), (61, "1"))
    observe(database, "coinpaprika", (10, "2"))
    observe(database, "coingecko", (61, "3"), (62, None))
    assert [(e["source"], e["close"]) for e in entries(client, "interval=1h")] == [("coinpaprika", 2), ("coingecko", 3)]
    assert [(e["source"], e["close"]) for e in entries(client, "interval=1h&source=csv")] == [("csv", 1), ("csv", 1)]


def test_wrapped_prices_are_in_no_golden_hour_of_a_coin_with_native_ones(
    client: ContractClient, database: Database
) -> None:
    observe(database, "coingecko", (0, "9"), (120, "9"), wrapped=True)
    assert len(entries(client, "interval=1h")) == 2
    observe(database, "csv", (0, "1"))
    assert [(e["source"], e["open"]) for e in entries(client, "interval=1h")] == [("csv", 1)]


def test_days_begin_at_midnight_utc_and_belong_where_they_begin(client: ContractClient, database: Database) -> None:
    observe(database, "coingecko", (-24 * 60, "1"), (0, "2"), (60, "3"), (12 * 60, "4"))
    assert [(e["start"][:10], e["open"], e["close"]) for e in entries(client, "interval=1d")] == [
        ("2026-02-28", 1, 1),
        ("2026-03-01", 2, 3),
        ("2026-03-02", 4, 4),
    ]
    whole = entries(client, "interval=1d&from=2026-03-01&to=2026-03-01T00:00:01Z")
    assert [(e["open"], e["close"]) for e in whole] == [(2, 3)]
    assert entries(client, "interval=1d&from=2026-03-01T00:00:01Z&to=2026-03-02") == []


@pytest.mark.parametrize("moment", ["2026-03-01T12:05:00Z", "2026-03-01T13:05:00+01:00", "2026-03-01T12:05"])
def test_a_range_holds_its_beginning_and_not_its_end(client: ContractClient, database: Database, moment: str) -> None:
    observe(database, "coingecko", (0, "1"), (5, "2"), (10, "3"))
    assert [e["price"] for e in entries(client, f"from={moment}")] == [2, 3]
    assert [e["price"] for e in entries(client, f"to={moment}")] == [1]


def test_history_comes_page_by_page(client: ContractClient, database: Database) -> None:
    observe(database, "coingecko", *((n, str(n)) for n in range(5)))
    for interval, total in (("raw", 5), ("1h", 1)):
        page = exact(client.get(f"{HISTORY}?interval={interval}&page=2&page_size=2"))
        assert (page["page"], page["page_size"], page["total"]) == (2, 2, total)
        assert len(page["data"]) == (2 if interval == "raw" else 0)


@pytest.mark.parametrize("query", ["interval=5m", "from=yesterday", "to=2026-13-01", "page=0", "by=hour"])
def test_a_question_that_makes_no_sense_is_refused(client: ContractClient, query: str) -> None:
    assert client.get(f"{HISTORY}?{query}").status_code == 422


def test_a_coin_that_is_not_there_has_no_history_and_an_id_given_up_leads_on(
    client: ContractClient, database: Database
) -> None:
    assert client.get(HISTORY).status_code == 404
    observe(database, "coingecko", (0, "1"))
    client.put("/api/v1/mappings/coingecko/bitcoin", json={"canonical_id": "xbt"})
    answer = client.get(f"{HISTORY}?interval=1h&from=2026-03-01")
    assert answer.headers["Location"] == "/api/v1/coins/xbt/history?interval=1h&from=2026-03-01"
    assert exact(client.get(answer.headers["Location"]))["total"] == 1


def test_observations_past_their_age_are_dropped_and_the_latest_quote_stays(
    client: ContractClient, database: Database
) -> None:
    with database.connection() as connection:
        row = connection.execute("SELECT extract(epoch FROM now() - %s)::float8", [NOON]).fetchone()
    assert row is not None
    observe(database, "coingecko", (0, "1"), (5, "2"))
    assert prune_history(database, age=row[0] - 120) == 1
    assert [e["price"] for e in entries(client, "")] == [2]
    assert prune_history(database, age=row[0] - 3600) == 1
    assert exact(client.get("/api/v1/coins/btc"))["price"] == 2
