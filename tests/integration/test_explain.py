"""Why a coin is what it is: every rule named, every loser with its reason, and never at odds with the merge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from db.explain import explain
from db.pool import Database
from tests.contract import ContractClient, exact
from tests.integration.conftest import MakeClient
from tests.integration.test_golden import candidates, merged
from tests.merging import FIGURES, Candidate
from tests.quoting import NOON, RULES, quote, stored

COINS = "/api/v1/coins"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=4)
    yield database
    database.close()


def explained(client: ContractClient, coin: str) -> Any:
    answer = client.get(f"{COINS}/{coin}/explain")
    assert answer.status_code == 200, answer.text
    return exact(answer)


def whys(explanation: Any) -> dict[str, str]:
    return {f"{quote['source']} {quote['source_id']}": quote["why"] for quote in explanation["quotes"]}


def test_every_rule_is_named_with_what_it_went_by(client: ContractClient, database: Database) -> None:
    stored(
        database, "coingecko", [quote("bitcoin", "btc", "Bitcoin"), quote("wrapped-bitcoin", "wbtc", "Wrapped Bitcoin")]
    )
    stored(database, "csv", [quote("btc-bitcoin", "BTC", "Bitcoin")])
    why = whys(explained(client, "btc"))
    assert why["coingecko bitcoin"].startswith("The registry lists coingecko 'bitcoin' as btc (known from ")
    assert "a wrapped coin that stands for btc" in why["coingecko wrapped-bitcoin"]
    assert why["csv btc-bitcoin"] == "The registry knows symbol 'BTC' and name 'Bitcoin' as btc."

    stored(database, "coingecko", [quote("foo", "foo", "Foo")])
    stored(database, "coinpaprika", [quote("foo-foo", "FOO", "Foo Token")])
    why = whys(explained(client, "foo"))
    assert why["coingecko foo"] == "No rule found a coin for it, so it made one."
    assert why["coinpaprika foo-foo"].startswith("Same symbol (foo) and name (foo) as coingecko 'foo'")

    client.put("/api/v1/mappings/coinpaprika/foo-foo", json={"canonical_id": "btc"})
    why = whys(explained(client, "btc"))
    assert why["coinpaprika foo-foo"] == "Set by hand, which wins over every rule."


def test_what_else_it_might_have_been_is_shown_with_what_spoke_against_it(
    client: ContractClient, database: Database
) -> None:
    stored(
        database,
        "coingecko",
        [quote("foo", "foo", "Foo", "5", market_cap=Decimal(9)), quote("foo-2", "foo", "Foo"), quote("f", "FOO", "Fo")],
    )
    stored(database, "coinpaprika", [quote("foo-foo", "FOO", "Foo", "900"), quote("bar", "BAR", "Foo")])
    might_be = explained(client, "foo")["might_be"]
    reasons = {each["source_id"]: each["why_not"] for coin in might_be for each in coin["ids"]}
    assert reasons == {
        "foo-2": "coingecko lists both 'foo' and 'foo-2', as two coins of one name.",
        "f": "Another name: 'Fo', not 'Foo'.",
        "foo-foo": "The prices are an order of magnitude apart: 5 and 900.",
    }
    doubted = explained(client, might_be[-1]["canonical_id"])["quotes"][0]
    assert doubted["ambiguous"]
    assert "couldn't decide" in doubted["why"]


def test_each_figure_names_its_source_and_why_the_others_lost(client: ContractClient, database: Database) -> None:
    early = NOON - timedelta(hours=5)
    stored(database, "coingecko", [quote("bitcoin", "btc", "Bitcoin", "1", market_cap=None, observed_at=early)])
    stored(database, "coingecko", [quote("wrapped-bitcoin", "wbtc", "Wrapped Bitcoin", "9")])
    stored(database, "coinpaprika", [quote("btc-bitcoin", "BTC", "Bitcoin", "0.30", market_cap=None)])
    stored(database, "csv", [quote("btc-bitcoin", "BTC", "Bitcoin", "3", market_cap=Decimal("123456789012345678.12"))])
    explanation = explained(client, "btc")
    assert explanation["source"] == "coinpaprika"
    price, cap = explanation["fields"]["price"], explanation["fields"]["market_cap"]
    assert (price["value"], price["source"]) == (Decimal("0.30"), "coinpaprika")
    assert [(each["source_id"], each["lost_by"]) for each in price["others"]] == [
        ("btc-bitcoin", "lower priority"),
        ("bitcoin", "stale"),
        ("wrapped-bitcoin", "wrapped"),
    ]
    assert (cap["value"], cap["source"]) == (Decimal("123456789012345678.12"), "csv")
    assert {each["lost_by"] for each in cap["others"]} == {"missing"}
    assert explanation["current"]


def test_a_record_merged_by_other_rules_is_said_not_to_be_current(make_client: MakeClient, database: Database) -> None:
    stored(database, "coingecko", [quote("bitcoin", "btc", "Bitcoin", "1")])
    stored(database, "csv", [quote("btc-bitcoin", "BTC", "Bitcoin", "2")])
    explanation = explained(make_client(SOURCE_PRIORITY="csv=9"), "btc")
    assert (explanation["current"], explanation["fields"]["price"]["source"]) == (False, "csv")


@given(quotes=candidates)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_explanation_never_disagrees_with_the_merge(database: Database, quotes: list[Candidate]) -> None:
    with database.connection() as connection, connection.transaction(force_rollback=True):
        record = merged(connection, quotes)
        explanation = explain(connection, "x", RULES)
    assert explanation is not None
    assert explanation["current"]
    assert {name: explanation["fields"][name]["value"] for name in FIGURES} == record.figures
    winner = explanation["quotes"][0]
    assert (winner["source"], winner["observed_at"], winner["lost_by"]) == (record.source, record.last_updated, None)
    for field in explanation["fields"].values():
        assert len(field["others"]) == len(quotes) - (field["value"] is not None)


def test_an_id_given_up_leads_to_the_explanation_of_the_coin_that_has_it(
    client: ContractClient, database: Database
) -> None:
    stored(database, "coingecko", [quote("foo", "foo", "Foo"), quote("bar", "bar", "Bar")])
    client.put("/api/v1/mappings/coingecko/bar", json={"canonical_id": "foo"})
    assert client.get(f"{COINS}/bar/explain").headers["Location"] == f"{COINS}/foo/explain"
    assert explained(client, "foo")["given_up_ids"] == ["bar"]


def test_a_coin_that_is_not_there_has_no_explanation(client: ContractClient) -> None:
    assert client.get(f"{COINS}/nope/explain").status_code == 404
    assert client.get(f"{COINS}/a%00b/explain").status_code == 404
