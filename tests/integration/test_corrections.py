"""Identity corrected by hand, through the API: everything follows, nothing is lost, and it lasts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from db.pool import Database
from tests.contract import ContractClient, exact
from tests.integration.conftest import MakeClient
from tests.quoting import NOON, quote, stored

MAPPINGS = "/api/v1/mappings"
COINS = "/api/v1/coins"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=4)
    yield database
    database.close()


@pytest.fixture
def two_coins(database: Database) -> None:
    """Foo is one coin that two sources call by different names, so they are taken for two: foo and foo-foo-money."""
    stored(database, "coingecko", [quote("foo", "foo", "Foo", "5", market_cap=9)])
    stored(database, "coinpaprika", [quote("foo-foo-money", "FOO", "Foo Money", "7", volume_24h=3)])


def put(client: ContractClient, mapping: str, canonical_id: str | None, **more: str) -> Any:
    answer = client.put(f"{MAPPINGS}/{mapping}", json={"canonical_id": canonical_id, **more})
    assert answer.status_code == 200, answer.text
    return exact(answer)


def ids(client: ContractClient, query: str) -> list[str]:
    return [mapping["source_id"] for mapping in exact(client.get(f"{MAPPINGS}?{query}"))["data"]]


@pytest.mark.usefixtures("two_coins")
def test_a_merge_by_hand_takes_quote_history_and_record_along(client: ContractClient, database: Database) -> None:
    mapping = put(client, "coinpaprika/foo-foo-money", "foo")
    assert (mapping["canonical_id"], mapping["matched_by"]) == ("foo", "manual")
    coin = exact(client.get(f"{COINS}/foo"))
    assert coin["sources"] == ["coingecko", "coinpaprika"]
    assert (coin["price"], coin["volume_24h"], coin["provenance"]["volume_24h"]) == (5, 3, "coinpaprika")
    with database.connection() as connection:
        rows = connection.execute(
            "SELECT canonical_id, count(*) FROM price_history JOIN source_mappings USING (mapping_key)"
            " JOIN cryptocurrencies USING (coin_key) GROUP BY 1"
        ).fetchall()
    assert rows == [("foo", 2)]


@pytest.mark.usefixtures("two_coins")
def test_an_id_given_up_leads_to_the_coin_that_has_its_quotes(client: ContractClient) -> None:
    put(client, "coinpaprika/foo-foo-money", "foo")
    answer = client.get(f"{COINS}/foo-foo-money")
    assert (answer.status_code, answer.headers["Location"]) == (308, f"{COINS}/foo")
    assert answer.headers["Cache-Control"] == "no-store"
    assert exact(client.get(f"{COINS}/foo-foo-money", follow_redirects=True))["canonical_id"] == "foo"
    assert ids(client, "canonical_id=foo-foo-money") == ["foo", "foo-foo-money"]


@pytest.mark.usefixtures("two_coins")
def test_a_correction_survives_every_later_ingest(client: ContractClient, database: Database) -> None:
    put(client, "coinpaprika/foo-foo-money", "foo")
    put(client, "coingecko/foo", None)
    stored(database, "coinpaprika", [quote("foo-foo-money", "FOO", "Foo Money", "8"), quote("n", "N", "New")])
    stored(database, "coingecko", [quote("foo", "foo", "Foo", "6"), quote("bar", "foo", "Bar", "9")])
    assert ids(client, "matched_by=manual") == ["foo", "foo-foo-money"]
    assert exact(client.get(f"{COINS}/foo"))["price"] == 8
    assert exact(client.get(f"{COINS}/foo-foo"))["price"] == 6


@pytest.mark.usefixtures("two_coins")
def test_forgetting_a_merge_gives_the_id_its_old_coin_again(client: ContractClient) -> None:
    put(client, "coinpaprika/foo-foo-money", "foo")
    answer = client.delete(f"{MAPPINGS}/coinpaprika/foo-foo-money")
    assert (exact(answer)["canonical_id"], exact(answer)["matched_by"]) == ("foo-foo-money", "new")
    assert exact(client.get(f"{COINS}/foo-foo-money"))["price"] == 7
    assert exact(client.get(f"{COINS}/foo"))["sources"] == ["coingecko"]


@pytest.mark.usefixtures("two_coins")
def test_a_merged_id_that_is_split_off_again_gets_its_old_coin(client: ContractClient) -> None:
    put(client, "coinpaprika/foo-foo-money", "foo")
    assert put(client, "coinpaprika/foo-foo-money", None)["canonical_id"] == "foo-foo-money"
    assert exact(client.get(f"{COINS}/foo-foo-money"))["price"] == 7


def test_what_the_rules_matched_can_be_split_and_forgetting_that_matches_it_again(
    client: ContractClient, database: Database
) -> None:
    stored(database, "coingecko", [quote("foo", "foo", "Foo", "5")])
    stored(database, "coinpaprika", [quote("foo-foo", "FOO", "Foo", "6")])
    assert put(client, "coinpaprika/foo-foo", None)["canonical_id"] == "foo-foo"
    assert [exact(client.get(f"{COINS}/{coin}"))["price"] for coin in ("foo", "foo-foo")] == [5, 6]
    again = exact(client.delete(f"{MAPPINGS}/coinpaprika/foo-foo"))
    assert (again["canonical_id"], again["matched_by"]) == ("foo", "symbol+name")
    assert client.get(f"{COINS}/foo-foo").headers["Location"] == f"{COINS}/foo"


@pytest.mark.usefixtures("two_coins")
def test_a_free_id_makes_a_coin_and_a_lone_one_that_moves_there_is_renamed(client: ContractClient) -> None:
    assert put(client, "coinpaprika/foo-foo-money", "foomoney")["canonical_id"] == "foomoney"
    coin = exact(client.get(f"{COINS}/foomoney"))
    assert (coin["symbol"], coin["name"], coin["price"]) == ("FOO", "Foo Money", 7)
    assert client.get(f"{COINS}/foo-foo-money").headers["Location"] == f"{COINS}/foomoney"
    # A chain of redirects never forms: the oldest id leads to the end at once.
    put(client, "coinpaprika/foo-foo-money", "foo")
    assert client.get(f"{COINS}/foo-foo-money").headers["Location"] == f"{COINS}/foo"


@pytest.mark.usefixtures("two_coins")
def test_an_id_given_up_is_given_to_no_newcomer_and_leads_corrections_on(
    client: ContractClient, database: Database
) -> None:
    put(client, "coingecko/foo", "foo-foo-money")
    stored(database, "csv", [quote("foo-else", "FOO", "Else", "1")])
    assert exact(client.get(f"{MAPPINGS}?source=csv"))["data"][0]["canonical_id"] == "foo-else"
    assert put(client, "csv/foo-else", "foo")["canonical_id"] == "foo-foo-money"


def test_an_id_of_the_registry_that_was_merged_away_leads_newcomers_on(
    client: ContractClient, database: Database
) -> None:
    stored(database, "coingecko", [quote("bitcoin", "btc", "Bitcoin", "5")])
    put(client, "coingecko/bitcoin", "xbt")
    stored(database, "coinpaprika", [quote("btc-bitcoin", "BTC", "Bitcoin", "5")])
    assert ids(client, "canonical_id=xbt") == ["bitcoin", "btc-bitcoin"]


@pytest.mark.usefixtures("two_coins")
def test_a_quote_said_to_be_wrapped_stays_out_of_the_record(client: ContractClient) -> None:
    put(client, "coinpaprika/foo-foo-money", "foo", relation="wrapped")
    coin = exact(client.get(f"{COINS}/foo"))
    assert (coin["price"], coin["volume_24h"]) == (5, None)
    assert [quote["relation"] for quote in coin["quotes"]] == ["same", "wrapped"]


@pytest.mark.usefixtures("two_coins")
def test_an_id_that_has_a_coin_to_itself_keeps_it_when_told_to_have_one(client: ContractClient) -> None:
    mapping = put(client, "coingecko/foo", None)
    assert (mapping["canonical_id"], mapping["matched_by"]) == ("foo", "manual")


@pytest.mark.usefixtures("two_coins")
def test_mappings_are_listed_by_source_coin_rule_and_doubt(client: ContractClient, database: Database) -> None:
    stored(database, "csv", [quote("foo-a", "FOO", "Foo"), quote("foo-b", "FOO", "Foo Token")])
    assert ids(client, "") == ["foo", "foo-foo-money", "foo-a", "foo-b"]
    assert ids(client, "source=csv") == ["foo-a", "foo-b"]
    assert ids(client, "ambiguous=true") == ["foo-a", "foo-b"]
    assert ids(client, "ambiguous=false&matched_by=new&source=coingecko") == ["foo"]
    assert ids(client, "source_id=foo-a") == ["foo-a"]
    page = exact(client.get(f"{MAPPINGS}?page=2&page_size=3"))
    assert ([m["source_id"] for m in page["data"]], page["total"], page["total_pages"]) == (["foo-b"], 4, 2)
    put(client, "csv/foo-a", "foo")
    assert ids(client, "ambiguous=true") == ["foo-b"]


def test_ids_of_any_characters_can_be_corrected(client: ContractClient, database: Database) -> None:
    stored(database, "csv", [quote("a/b c", "🐶", ""), quote("x" * 70, "", "x" * 70)])
    assert put(client, "csv/a/b%20c", "dog")["canonical_id"] == "dog"
    assert put(client, f"csv/{'x' * 70}", "dog")["canonical_id"] == "dog"


@pytest.mark.usefixtures("two_coins")
@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, "canonical_id"),
        ({"canonical_id": "foo", "relation": "cousin"}, 422, "relation"),
        ({"canonical_id": "foo", "more": 1}, 422, "more"),
        ({"canonical_id": "a\x00"}, 422, "canonical_id"),
        ({"canonical_id": ""}, 422, "canonical_id"),
        ({"canonical_id": 7}, 422, "canonical_id"),
        ({"canonical_id": "Not A Slug"}, 422, None),
        ({"canonical_id": "-"}, 422, None),
        ([], 422, None),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused(
    client: ContractClient, body: object, status: int, field: str | None
) -> None:
    answer = client.put(f"{MAPPINGS}/coingecko/foo", json=body)
    assert answer.status_code == status
    if field:
        assert [(error["in"], error["name"]) for error in exact(answer)["errors"]] == [("body", field)]
    assert ids(client, "matched_by=manual") == []


def test_a_body_that_is_no_json_is_refused(client: ContractClient) -> None:
    assert client.put(f"{MAPPINGS}/csv/a", data="{", content_type="application/json").status_code == 400
    assert client.put(f"{MAPPINGS}/csv/a", data="{}", content_type="text/plain").status_code == 415


@pytest.mark.usefixtures("two_coins")
def test_an_id_never_seen_or_never_corrected_is_404(client: ContractClient) -> None:
    assert client.put(f"{MAPPINGS}/csv/nope", json={"canonical_id": "foo"}).status_code == 404
    assert client.put(f"{MAPPINGS}/csv/a%00b", json={"canonical_id": "foo"}).status_code == 404
    assert client.delete(f"{MAPPINGS}/csv/nope").status_code == 404
    assert client.delete(f"{MAPPINGS}/coingecko/foo").status_code == 404


def test_correcting_needs_an_admin(make_client: MakeClient) -> None:
    client = make_client(API_KEYS="ci:ingest:secret-of-ci,boss:admin:secret-of-boss")
    assert client.put(f"{MAPPINGS}/csv/a", json={"canonical_id": None}).status_code == 401
    ingest = {"X-API-Key": "secret-of-ci"}
    assert client.put(f"{MAPPINGS}/csv/a", json={"canonical_id": None}, headers=ingest).status_code == 403
    assert client.delete(f"{MAPPINGS}/csv/a", headers=ingest).status_code == 403
    admin = {"X-API-Key": "secret-of-boss"}
    assert client.put(f"{MAPPINGS}/csv/a", json={"canonical_id": None}, headers=admin).status_code == 404


@pytest.mark.usefixtures("two_coins")
def test_clearing_all_data_takes_corrections_and_redirects_along(client: ContractClient, database: Database) -> None:
    put(client, "coinpaprika/foo-foo-money", "foo")
    assert client.delete("/api/v1/data?confirm=true").status_code == 200
    assert client.get(f"{COINS}/foo-foo-money").status_code == 404
    stored(database, "coinpaprika", [quote("foo-foo-money", "FOO", "Foo Money", "7", observed_at=NOON)])
    assert ids(client, "canonical_id=foo") == ["foo-foo-money"]
