"""Golden records as the API gives them: digits, filters, sorts, pages."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.contract import ContractClient, exact
from tests.factories import Factory

DATA = "/api/v1/data"


def _ids(client: ContractClient, query: str) -> list[str]:
    return [record["canonical_id"] for record in exact(client.get(f"{DATA}?{query}"))["data"]]


@pytest.mark.parametrize("digits", ["1.223e-09", "0.1", "123456789012345678.123456789", "0.30", "-0", "1E+30"])
def test_a_figure_comes_back_with_the_digits_it_was_stored_with(
    client: ContractClient, factory: Factory, digits: str
) -> None:
    key = factory.coin("btc", price=digits, market_cap=digits, price_change_24h=digits)
    factory.quote(key, "csv", "btc", price=digits, high_24h=digits)
    record = exact(client.get(DATA))["data"][0]
    coin = exact(client.get("/api/v1/coins/btc"))
    shown = [record["price"], record["market_cap"], record["price_change_24h"]]
    shown += [coin["price"], coin["quotes"][0]["price"], coin["quotes"][0]["high_24h"]]
    assert shown == [Decimal(digits)] * 6


def test_a_figure_that_no_float_can_hold_stands_in_the_text_itself(client: ContractClient, factory: Factory) -> None:
    factory.coin("btc", price="123456789012345678.123456789")
    assert '"price":123456789012345678.123456789,' in client.get(DATA).text


def test_a_record_has_all_its_fields(client: ContractClient, factory: Factory) -> None:
    factory.coin("btc", name="Bitcoin", price="5", rank=1, flags=["odd"], provenance='{"price": "coingecko"}')
    (record,) = exact(client.get(DATA))["data"]
    assert record == {
        "canonical_id": "btc",
        "symbol": "BTC",
        "name": "Bitcoin",
        "price": 5,
        "market_cap": None,
        "volume_24h": None,
        "price_change_24h": None,
        "rank": 1,
        "circulating_supply": None,
        "total_supply": None,
        "max_supply": None,
        "source": "csv",
        "last_updated": "2026-03-01T12:00:00+00:00",
        "time_assumed": False,
        "flags": ["odd"],
        "provenance": {"price": "coingecko"},
    }


def test_records_come_by_market_cap_the_largest_first_and_the_unknown_last(
    client: ContractClient, factory: Factory
) -> None:
    factory.coin("small", market_cap="9")
    factory.coin("unknown")
    factory.coin("large", market_cap="10")
    assert _ids(client, "") == ["large", "small", "unknown"]


def test_unknown_figures_come_last_both_ways_and_ties_go_by_id(client: ContractClient, factory: Factory) -> None:
    for name, price in (("d", None), ("b", "1"), ("a", "1"), ("c", "2"), ("e", None)):
        factory.coin(name, price=price)
    assert _ids(client, "sort=price") == ["a", "b", "c", "d", "e"]
    assert _ids(client, "sort=-price") == ["c", "a", "b", "d", "e"]


@pytest.mark.parametrize(
    "sort", ["market_cap", "price", "volume_24h", "price_change_24h", "name", "symbol", "canonical_id", "last_updated"]
)
def test_every_documented_sort_works_both_ways(client: ContractClient, factory: Factory, sort: str) -> None:
    factory.coin("a")
    assert _ids(client, f"sort={sort}") == _ids(client, f"sort=-{sort}") == ["a"]


def test_the_filters_are_combined(client: ContractClient, factory: Factory) -> None:
    factory.coin("btc", symbol="BTC", source="coingecko", name="Bitcoin")
    factory.coin("btc-other", symbol="btc", source="csv", name="Other")
    factory.coin("eth", symbol="ETH", source="coingecko", name="Ethereum")
    assert _ids(client, "symbol=Btc&sort=canonical_id") == ["btc", "btc-other"]
    assert _ids(client, "symbol=btc&source=coingecko") == ["btc"]
    assert _ids(client, "canonical_id=eth") == ["eth"]
    assert _ids(client, "search=THER&sort=canonical_id") == ["btc-other", "eth"]
    assert _ids(client, "source=nobody") == []


@pytest.mark.parametrize(("search", "found"), [("%25", ["odd"]), ("_", ["odd"]), ("%5C", ["odd"]), ("d", ["odd"])])
def test_a_search_takes_wildcards_for_what_they_are(
    client: ContractClient, factory: Factory, search: str, found: list[str]
) -> None:
    factory.coin("odd", name="50%_\\")
    factory.coin("plain", name="Plain")
    assert _ids(client, f"search={search}") == found


def test_a_list_says_how_many_there_are_and_a_page_past_the_end_is_empty(
    client: ContractClient, factory: Factory
) -> None:
    for name in "abcde":
        factory.coin(name)
    first = exact(client.get(f"{DATA}?page_size=2&sort=canonical_id"))
    assert [record["canonical_id"] for record in first.pop("data")] == ["a", "b"]
    assert first == {"page": 1, "page_size": 2, "total": 5, "total_pages": 3}
    assert _ids(client, "page_size=2&page=3&sort=canonical_id") == ["e"]
    past = client.get(f"{DATA}?page=1000000000&page_size=500")
    assert past.status_code == 200
    assert exact(past)["data"] == []
    assert exact(past)["total"] == 5


def test_without_data_a_list_is_empty_and_has_no_pages(client: ContractClient) -> None:
    assert exact(client.get(DATA)) == {"data": [], "page": 1, "page_size": 20, "total": 0, "total_pages": 0}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page_size=501", "page_size"),
        ("page_size=0", "page_size"),
        ("page=0", "page"),
        ("page=1.5", "page"),
        ("page=%D9%A1", "page"),
        ("sort=price;drop", "sort"),
        ("sort=coin_key", "sort"),
        ("search=", "search"),
        ("search=a%00b", "search"),
        ("colour=red", "colour"),
        ("page=1&page=2", "page"),
    ],
)
def test_a_bad_parameter_is_refused_by_its_name(client: ContractClient, query: str, field: str) -> None:
    answer = client.get(f"{DATA}?{query}")
    assert answer.status_code == 422
    assert [error["name"] for error in exact(answer)["errors"]] == [field]


def test_a_coin_shows_its_quotes_by_source_and_why_they_are_one(client: ContractClient, factory: Factory) -> None:
    key = factory.coin("btc", source="coingecko")
    factory.quote(key, "csv", "btc:bitcoin", price="3", matched_by="registry")
    factory.quote(key, "coingecko", "bitcoin", price="1", matched_by="registry", rank=1, flags=["odd"])
    factory.quote(key, "coingecko", "wrapped-bitcoin", price="2", relation="wrapped")
    factory.quote(factory.coin("eth"), "coingecko", "ethereum")
    coin = exact(client.get("/api/v1/coins/btc"))
    assert coin["sources"] == ["coingecko", "csv"]
    assert [(q["source"], q["source_id"], q["relation"], q["price"]) for q in coin["quotes"]] == [
        ("coingecko", "bitcoin", "same", 1),
        ("coingecko", "wrapped-bitcoin", "wrapped", 2),
        ("csv", "btc:bitcoin", "same", 3),
    ]
    assert coin["quotes"][0]["flags"] == ["odd"]
    assert [m["matched_by"] for m in coin["mappings"]] == ["registry", "new", "registry"]
    assert coin["mappings"][0]["last_seen"] == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize("canonical_id", ["🐶", "a/b", "x y", "100%"])
def test_a_coin_is_found_whatever_its_id_is_made_of(
    client: ContractClient, factory: Factory, canonical_id: str
) -> None:
    factory.coin(canonical_id)
    path = canonical_id.replace("%", "%25")
    assert exact(client.get(f"/api/v1/coins/{path}"))["canonical_id"] == canonical_id


@pytest.mark.parametrize("path", ["nope", "a%00b", "x" * 3000])
def test_a_coin_that_is_not_there_is_404(client: ContractClient, path: str) -> None:
    assert client.get(f"/api/v1/coins/{path}").status_code == 404


def test_stats_leave_flagged_coins_out_of_all_but_their_number(client: ContractClient, factory: Factory) -> None:
    factory.coin("a", price="1.5", market_cap="10", price_change_24h="3")
    factory.coin("b", price="0.5", market_cap="20", price_change_24h="-3")
    factory.coin("c", price="99", market_cap="3e12", price_change_24h="999", flags=["odd"])
    factory.coin("d", price=None, price_change_24h="0")
    stats = exact(client.get("/api/v1/stats"))
    assert (stats["total_coins"], stats["total_market_cap"], stats["average_price"]) == (4, 30, 1)
    assert stats["top_gainers"] == [{"symbol": "A", "name": "A", "price_change_24h": 3, "canonical_id": "a"}]
    assert [mover["canonical_id"] for mover in stats["top_losers"]] == ["b"]


def test_there_are_five_movers_at_most_the_strongest_first(client: ContractClient, factory: Factory) -> None:
    for change in range(1, 8):
        factory.coin(f"up{change}", price_change_24h=change)
        factory.coin(f"down{change}", price_change_24h=-change)
    stats = exact(client.get("/api/v1/stats"))
    assert [mover["price_change_24h"] for mover in stats["top_gainers"]] == [7, 6, 5, 4, 3]
    assert [mover["price_change_24h"] for mover in stats["top_losers"]] == [-7, -6, -5, -4, -3]


def test_clearing_takes_every_coin_and_leaves_the_jobs(client: ContractClient, factory: Factory) -> None:
    factory.quote(factory.coin("btc"), "csv", "btc")
    factory.job()
    answer = client.delete(f"{DATA}?confirm=true")
    assert exact(answer) == {"status": "success", "deleted_coins": 1}
    assert factory.value("SELECT count(*) FROM cryptocurrencies") == 0
    assert factory.value("SELECT count(*) FROM quotes") == 0
    assert factory.value("SELECT count(*) FROM source_mappings") == 0
    assert exact(client.get("/api/v1/jobs"))["total"] == 1


@pytest.mark.parametrize("query", ["", "?confirm=yes", "?confirm=false"])
def test_nothing_is_cleared_without_a_confirmation(client: ContractClient, factory: Factory, query: str) -> None:
    factory.coin("btc")
    answer = client.delete(f"{DATA}{query}")
    assert answer.status_code == 422
    assert exact(answer)["errors"][0]["name"] == "confirm"
    assert exact(client.get(DATA))["total"] == 1


def test_clearing_gives_up_on_tables_that_an_ingest_holds(client: ContractClient, factory: Factory) -> None:
    factory.coin("btc")
    with factory.connection.transaction():
        factory.connection.execute("LOCK TABLE cryptocurrencies IN ROW EXCLUSIVE MODE")
        answer = client.delete(f"{DATA}?confirm=true")
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert exact(client.get(DATA))["total"] == 1
