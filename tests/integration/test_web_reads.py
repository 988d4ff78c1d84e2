"""Kept answers: never older than a 200 given before, whoever gave it; errors never; keys and origins as ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from db import version
from tests.contract import ContractClient, exact
from tests.factories import Factory
from tests.integration.conftest import MakeClient

DATA = "/api/v1/data"
COIN = "/api/v1/coins/btc"
STATS = "/api/v1/stats"


@pytest.fixture
def writer(database_url: str) -> Iterator[psycopg.Connection]:
    """A normalizer's connection, whose transaction the test commits."""
    with psycopg.connect(database_url) as connection:
        yield connection


def _write(writer: psycopg.Connection, price: int, coin: str = "btc") -> None:
    writer.execute("UPDATE cryptocurrencies SET price = %s WHERE canonical_id = %s", [price, coin])


def _prices(client: ContractClient) -> list[int]:
    return [record["price"] for record in exact(client.get(f"{DATA}?sort=canonical_id"))["data"]]


def _head(client: ContractClient, path: str, headers: dict[str, str]) -> TestResponse:
    """HEAD goes with every GET, and stands in no document of ours."""
    return FlaskClient(client.application).head(path, headers=headers)


@pytest.mark.parametrize("kept", ["33554432", "0"])
def test_a_reader_never_sees_older_data_than_a_200_it_was_given_before_by_another_process(
    make_client: MakeClient, factory: Factory, writer: psycopg.Connection, kept: str
) -> None:
    factory.coin("btc", price="0")
    processes = [make_client(ANSWER_CACHE_BYTES=kept), make_client(ANSWER_CACHE_BYTES=kept)]
    for price in range(1, 6):
        for process in processes:
            assert _prices(process) == [price - 1]
        version.advance(writer)
        _write(writer, price)
        for process in processes:
            assert _prices(process) == [price - 1]
        writer.commit()
        for process in processes:
            assert (_prices(process), exact(process.get(COIN))["price"]) == ([price], price)
            assert exact(process.get(STATS))["average_price"] == price


def test_a_slow_writer_that_counted_its_change_early_and_commits_late_is_seen(
    make_client: MakeClient, factory: Factory, database_url: str, writer: psycopg.Connection
) -> None:
    factory.coin("btc", price="0")
    factory.coin("eth", price="0")
    processes = [make_client(), make_client()]
    version.advance(writer)
    _write(writer, 1, "btc")
    with psycopg.connect(database_url) as quick:
        version.advance(quick)
        _write(quick, 1, "eth")
    for process in processes:
        assert _prices(process) == _prices(process) == [0, 1]
    writer.commit()
    for process in processes:
        assert _prices(process) == [1, 1]


def test_no_writer_waits_for_another_to_count_its_change(database_url: str, writer: psycopg.Connection) -> None:
    version.advance(writer)
    with psycopg.connect(database_url, options="-c lock_timeout=1") as other:
        before = version.current(other)
        version.advance(other)
        other.commit()
        between = version.current(other)
        writer.commit()
        assert len({before, between, version.current(other)}) == 3


def test_writers_in_turn_share_a_row_and_never_bring_a_version_back(writer: psycopg.Connection) -> None:
    seen = [version.current(writer)]
    for _ in range(5):
        version.advance(writer)
        writer.commit()
        seen.append(version.current(writer))
    assert len(set(seen)) == 6
    assert writer.execute("SELECT count(*) FROM data_version").fetchone() == (1,)


def test_what_was_rolled_back_leaves_the_kept_answer_right(
    client: ContractClient, factory: Factory, writer: psycopg.Connection
) -> None:
    factory.coin("btc", price="0")
    tag = client.get(DATA).headers["ETag"]
    version.advance(writer)
    _write(writer, 1)
    writer.rollback()
    answer = client.get(DATA)
    assert answer.headers["ETag"] == tag
    assert exact(answer)["data"][0]["price"] == 0


@pytest.mark.parametrize("path", [DATA, f"{DATA}?search=b&page_size=1", COIN, STATS])
def test_a_client_that_has_the_answer_hears_304_until_the_data_change(
    client: ContractClient, factory: Factory, path: str
) -> None:
    factory.coin("btc")
    first = client.get(path)
    assert first.headers["Cache-Control"] == "no-cache"
    asking = {"If-None-Match": f'"other", {first.headers["ETag"]}'}
    unchanged = client.get(path, headers=asking)
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    assert unchanged.headers["ETag"] == first.headers["ETag"]
    assert _head(client, path, asking).status_code == 304
    factory.coin("eth")
    changed = client.get(path, headers=asking)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize("path", [DATA, COIN, STATS])
def test_a_kept_answer_has_what_the_first_had_and_an_id_of_its_own(
    make_client: MakeClient, factory: Factory, path: str
) -> None:
    client = make_client(CORS_ORIGINS="https://good.example")
    factory.coin("btc")
    for origin in ("https://good.example", "https://bad.example"):
        answers = [client.get(path, headers={"Origin": origin}) for _ in range(3)]
        ids = {answer.headers.pop("X-Request-ID") for answer in answers}
        assert len(ids) == 3
        for answer in answers:
            assert (answer.data, dict(answer.headers)) == (answers[0].data, dict(answers[0].headers))
            assert ("Access-Control-Allow-Origin" in answer.headers) == (origin == "https://good.example")
            assert answer.headers["Vary"] == "Origin"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        head = _head(client, path, {"Origin": origin})
        assert (head.status_code, head.data) == (200, b"")
        assert head.headers["Content-Length"] == str(len(answers[0].data))


def test_a_wrong_key_is_refused_for_a_kept_answer_too(make_client: MakeClient, factory: Factory) -> None:
    client = make_client(API_KEYS="ann:read:right-secret")
    factory.coin("btc")
    assert [client.get(DATA).status_code for _ in range(2)] == [200, 200]
    for headers in ({"X-API-Key": "wrong-secret"}, {"Authorization": "Bearer wrong-secret"}):
        assert client.get(DATA, headers=headers).status_code == 401
    assert client.get(DATA, headers={"X-API-Key": "right-secret"}).status_code == 200


def test_errors_are_not_kept(client: ContractClient, factory: Factory) -> None:
    for _ in range(2):
        assert client.get(f"{DATA}?colour=red").status_code == 422
        refused = client.get(COIN, headers={"If-None-Match": "*"})
        assert (refused.status_code, refused.headers["Cache-Control"]) == (404, "no-store")
    factory.coin("btc")
    assert client.get(COIN).status_code == 200


def test_a_coin_that_was_kept_is_gone_with_the_data(client: ContractClient, factory: Factory) -> None:
    factory.coin("btc")
    assert [client.get(COIN).status_code for _ in range(2)] == [200, 200]
    assert exact(client.get(DATA))["total"] == 1
    client.delete(f"{DATA}?confirm=true")
    assert client.get(COIN).status_code == 404
    assert (exact(client.get(DATA))["total"], exact(client.get(STATS))["total_coins"]) == (0, 0)


def test_a_correction_by_hand_shows_at_once_and_the_id_given_up_redirects(
    client: ContractClient, factory: Factory
) -> None:
    factory.quote(factory.coin("btc"), "csv", "btc:bitcoin")
    factory.quote(factory.coin("xbt"), "csv", "xbt:bitcoin")
    for _ in range(2):
        assert client.get("/api/v1/coins/xbt").status_code == 200
        assert exact(client.get(DATA))["total"] == 2
    client.put("/api/v1/mappings/csv/xbt:bitcoin", json={"canonical_id": "btc"})
    assert client.get("/api/v1/coins/xbt").status_code == 308
    assert exact(client.get(DATA))["total"] == 1
    assert len(exact(client.get(COIN))["quotes"]) == 2


def test_every_page_of_a_kept_order_is_the_page_that_a_new_order_gives(
    make_client: MakeClient, factory: Factory
) -> None:
    for number in range(7):
        factory.coin(f"coin-{number}", price=None if number == 3 else str(number % 3))
    warm = make_client()
    for sort in ("price", "-price", "name"):
        for page in range(1, 6):
            path = f"{DATA}?sort={sort}&page_size=2&page={page}"
            assert warm.get(path).data == make_client().get(path).data


def test_the_first_pages_of_the_largest_and_of_the_same_list_by_its_order_are_alike(
    client: ContractClient, factory: Factory
) -> None:
    for number in range(7):
        cap = None if number % 3 == 0 else str(number % 2)
        factory.coin(f"coin-{number}", market_cap=cap, flags=["odd"] if number == 4 else [])
    for page in range(1, 6):
        few = f"{DATA}?page_size=2&page={page}"
        assert client.get(few).data == client.get(f"{few}&source=csv").data
    far = exact(client.get(f"{DATA}?page_size=500&page=3"))
    assert (far["data"], far["total"]) == ([], exact(client.get(DATA))["total"])


def test_readers_and_writers_at_once_never_bring_old_data_back(
    make_client: MakeClient, factory: Factory, writer: psycopg.Connection
) -> None:
    factory.coin("btc", price="0")
    applications = [make_client().application for _ in range(2)]
    went_back: list[tuple[int, int]] = []
    ended = threading.Event()

    def read(number: int) -> None:
        seen = 0
        while not ended.is_set():
            for application in applications[number % 2 :] + applications[: number % 2]:
                price = exact(application.test_client().get(DATA))["data"][0]["price"]
                if price < seen:
                    went_back.append((seen, price))
                seen = price

    readers = [threading.Thread(target=partial(read, number)) for number in range(4)]
    for reader in readers:
        reader.start()
    for price in range(1, 60):
        version.advance(writer)
        _write(writer, price)
        writer.commit()
    ended.set()
    for reader in readers:
        reader.join()
    assert went_back == []
