"""Rebuilding from the kept quotes gives what a fresh ingest by the same rules would, and keeps what is to stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings

from db.pool import Database
from db.quotes import Rules
from db.reprocess import rebuild_identity, rebuild_records
from tests.contract import ContractClient, exact
from tests.factories import Factory
from tests.integration.conftest import MakeClient
from tests.integration.test_identity_order import Delivery, deliver, state, two_ways
from tests.quoting import BARE_RULES, NOON, RULES, coin_of, quote, stored


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=4)
    yield database
    database.close()


def rebuild(database: Database, rules: Rules = RULES) -> int:
    """What a worker does; how many ids moved."""
    with database.transaction() as connection:
        moved = rebuild_identity(connection, rules)
    behind: int | None = 0
    while behind is not None:
        with database.transaction() as connection:
            behind = rebuild_records(connection, behind, rules)
    return moved


def coins(database: Database, *ids: tuple[str, str]) -> list[str]:
    with database.connection() as connection:
        return [coin_of(connection, *each) for each in ids]


@given(ways=two_ways())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_with_unchanged_rules_nothing_changes(
    database: Database, ways: tuple[list[Delivery], list[Delivery], list[bool], list[bool]]
) -> None:
    before = deliver(database, ways[0], ways[2], RULES)
    assert rebuild(database) == 0
    assert state(database, RULES) == before


@given(ways=two_ways())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_with_a_registry_come_later_all_is_as_if_it_had_been_there(
    database: Database, ways: tuple[list[Delivery], list[Delivery], list[bool], list[bool]]
) -> None:
    one, other, cut_one, cut_other = ways
    expected = deliver(database, one, cut_one, RULES)
    deliver(database, other, cut_other, BARE_RULES)
    rebuild(database)
    assert state(database, RULES) == expected


def test_a_squatter_gives_a_registered_id_up_and_it_is_no_redirect(database: Database) -> None:
    stored(database, "coingecko", [quote("batcat", "btc", "Batcat")], BARE_RULES)
    stored(database, "coingecko", [quote("bitcoin", "btc", "Bitcoin")], BARE_RULES)
    assert coins(database, ("coingecko", "batcat"), ("coingecko", "bitcoin")) == ["btc", "btc-bitcoin"]
    rebuild(database)
    assert coins(database, ("coingecko", "batcat"), ("coingecko", "bitcoin")) == ["btc-batcat", "btc"]
    with database.connection() as connection:
        assert connection.execute("SELECT canonical_id FROM redirects").fetchall() == [("btc-bitcoin",)]


def test_ids_that_no_rule_names_stay_whatever_order_a_fresh_ingest_would_have(database: Database) -> None:
    stored(database, "csv", [quote("a", "foo", "Small")])
    stored(database, "coingecko", [quote("b", "foo", "Large", market_cap=Decimal(9))])
    assert rebuild(database) == 0
    assert coins(database, ("csv", "a"), ("coingecko", "b")) == ["foo", "foo-large"]


def test_corrections_by_hand_stay(client: ContractClient, database: Database) -> None:
    stored(database, "coingecko", [quote("bitcoin", "btc", "Bitcoin"), quote("foo", "foo", "Foo")])
    stored(database, "coinpaprika", [quote("btc-bitcoin", "BTC", "Bitcoin")])
    client.put("/api/v1/mappings/coinpaprika/btc-bitcoin", json={"canonical_id": "foo"})
    assert rebuild(database) == 0
    assert coins(database, ("coinpaprika", "btc-bitcoin"), ("coingecko", "bitcoin")) == ["foo", "btc"]


def test_an_id_of_the_registry_that_was_renamed_by_hand_is_not_moved_back(
    client: ContractClient, database: Database
) -> None:
    stored(database, "coingecko", [quote("bitcoin", "btc", "Bitcoin")])
    client.put("/api/v1/mappings/coingecko/bitcoin", json={"canonical_id": "xbt"})
    stored(database, "coinpaprika", [quote("btc-bitcoin", "BTC", "Bitcoin")])
    assert rebuild(database) == 0
    assert coins(database, ("coinpaprika", "btc-bitcoin"), ("coingecko", "bitcoin")) == ["xbt", "xbt"]


def test_wrapped_coins_are_parted_and_folded_again_with_the_setting(database: Database) -> None:
    apart = replace(RULES, fold_wrapped=False)
    stored(
        database, "coingecko", [quote("bitcoin", "btc", "Bitcoin"), quote("wrapped-bitcoin", "wbtc", "Wrapped Bitcoin")]
    )
    assert rebuild(database, apart) == 1
    assert coins(database, ("coingecko", "wrapped-bitcoin")) == ["wbtc"]
    assert rebuild(database) == 1
    assert coins(database, ("coingecko", "wrapped-bitcoin")) == ["btc"]


def test_other_priorities_reach_every_record(client: ContractClient, database: Database) -> None:
    stored(database, "coingecko", [quote("bitcoin", "btc", "Bitcoin", "1")])
    stored(database, "csv", [quote("btc-bitcoin", "BTC", "Bitcoin", "2")])
    rebuild(database, replace(RULES, priorities={"csv": 9}))
    assert exact(client.get("/api/v1/coins/btc"))["price"] == 2


def test_quotes_are_judged_anew(client: ContractClient, factory: Factory, database: Database) -> None:
    stored(database, "coingecko", [quote("bitcoin", "btc", "Bitcoin", "-1"), quote("foo", "foo", "Foo", "1")])
    factory.connection.execute("UPDATE quotes SET flags = CASE WHEN price < 0 THEN '{}' ELSE '{odd,other}' END::text[]")
    rebuild(database)
    assert exact(client.get("/api/v1/coins/btc"))["flags"] == ["negative_price"]
    assert exact(client.get("/api/v1/coins/foo"))["flags"] == []


def test_keys_made_by_older_rules_are_made_anew(factory: Factory, database: Database) -> None:
    stored(database, "coingecko", [quote("foo", "foo", "Foo Token")])
    factory.connection.execute("UPDATE source_mappings SET name_key = 'footoken'")
    rebuild(database)
    assert factory.value("SELECT name_key FROM source_mappings") == "foo"


def test_history_follows_ids_that_move(client: ContractClient, database: Database) -> None:
    for hours in (0, 1):
        at = NOON + timedelta(hours=hours)
        stored(database, "coingecko", [quote("bitcoin", "xbt", "Bit Coin", observed_at=at)], BARE_RULES)
    rebuild(database)
    assert exact(client.get("/api/v1/coins/btc/history"))["total"] == 2
    assert client.get("/api/v1/coins/xbt").headers["Location"] == "/api/v1/coins/btc"


def test_a_post_makes_a_job_and_a_repeated_one_the_same(client: ContractClient, factory: Factory) -> None:
    answer = client.post("/api/v1/reprocess", headers={"Idempotency-Key": "k"})
    assert answer.status_code == 202
    job = exact(answer)
    assert (job["kind"], job["state"], job["progress"]) == ("reprocess", "queued", {"done": 0, "total": 1})
    assert answer.headers["Location"] == job["links"]["self"]
    again = client.post("/api/v1/reprocess", headers={"Idempotency-Key": "k"})
    assert (exact(again)["id"], again.headers["Idempotent-Replayed"]) == (job["id"], "true")
    assert factory.value("SELECT kind FROM tasks") == "reprocess"
    assert client.post("/api/v1/reprocess", data="x", content_type="text/plain").status_code == 415


def test_reprocessing_needs_an_admin(make_client: MakeClient) -> None:
    client = make_client(API_KEYS="ci:ingest:secret-of-ci")
    assert client.post("/api/v1/reprocess").status_code == 401
    assert client.post("/api/v1/reprocess", headers={"X-API-Key": "secret-of-ci"}).status_code == 403
