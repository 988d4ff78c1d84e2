"""Reads that were asked before need no thread: answered like those that have one, never too old, whoever is slow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from db import version
from tests.contract import ContractClient
from tests.factories import Factory
from tests.integration.conftest import MakeClient
from tests.serving import Client, Said, Server, served
from tests.waiting import until

DATA = "/api/v1/data"
COIN = "/api/v1/coins/btc"
STATS = "/api/v1/stats"
# They differ from answer to answer, whoever gives it.
_ITS_OWN = ("X-Request-ID", "Date")
Serve = Callable[..., Server]


@pytest.fixture
def serve(make_client: MakeClient) -> Iterator[Serve]:
    """Servers of applications with these settings."""
    with ExitStack() as stack:

        def start(**environ: str) -> Server:
            return stack.enter_context(served(make_client(**environ).application))

        yield start


@contextmanager
def _nobody_hears_of_the_version(database_url: str) -> Iterator[None]:
    """Postgres answers no question about the data's version within this block."""
    with psycopg.connect(database_url) as connection:
        connection.execute("LOCK TABLE data_version IN ACCESS EXCLUSIVE MODE")
        yield


def _by_the_desk(server: Server, client: Client, path: str, *headers: str, method: str = "GET") -> Said:
    """Ask until it needs no thread: the first answers come from views, and connect to Postgres."""

    def answered() -> Said | None:
        before = server.worker.requests_in_threads
        said = client.ask(path, *headers, method=method)
        return said if server.worker.requests_in_threads == before else None

    said = until(answered, f"{path} needs no thread")
    assert said
    return said


def _by_a_thread(server: Server, client: Client, path: str, *headers: str, method: str = "GET") -> Said:
    before = server.worker.requests_in_threads
    said = client.ask(path, *headers, method=method, body=b" ")
    assert server.worker.requests_in_threads == before + 1
    return said


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("Origin: https://good.example",),
        ("Origin: https://bad.example", "Accept: text/html", "Cookie: theme=dark"),
        ("If-None-Match: *",),
        ('If-None-Match: "other"', "Connection: keep-alive"),
        ("Accept-Encoding: gzip", "User-Agent: caf\xe9"),
    ],
    ids=["plain", "good origin", "bad origin", "has it", "has another", "odd"],
)
def test_an_answer_without_a_thread_is_the_one_that_a_thread_gives(
    serve: Serve, factory: Factory, headers: tuple[str, ...]
) -> None:
    server = serve(CORS_ORIGINS="https://good.example")
    factory.coin("btc")
    client = server.client()
    for path in (DATA, f"{DATA}?search=%62tc&page_size=1", COIN, STATS):
        for method in ("GET", "HEAD"):
            by_view = client.ask(path, *headers, method=method)
            by_desk = _by_the_desk(server, client, path, *headers, method=method)
            by_thread = _by_a_thread(server, client, path, *headers, method=method)
            assert by_desk.but(*_ITS_OWN) == by_thread.but(*_ITS_OWN) == by_view.but(*_ITS_OWN)
            assert len({by_desk.header("X-Request-ID"), by_thread.header("X-Request-ID")}) == 2
            assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", by_desk.header("Date") or "")


def test_an_id_that_was_sent_comes_back_with_the_answer_and_is_in_its_log_line(
    serve: Serve, factory: Factory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "web.tracing")
    server = serve()
    factory.coin("btc")
    client = server.client()
    _by_the_desk(server, client, COIN)
    for number in range(3):
        caplog.clear()
        before = server.worker.requests_in_threads
        said = client.ask(COIN, f"X-Request-ID: mine-{number}")
        assert (said.status, said.header("X-Request-ID")) == (200, f"mine-{number}")
        assert server.worker.requests_in_threads == before
        assert [record.getMessage().rsplit(" ", 2)[0] for record in caplog.records] == [f"GET '{COIN}' 200"]


def test_every_answer_is_counted_by_its_route(serve: Serve, factory: Factory) -> None:
    server = serve()
    factory.coin("btc")
    client = server.client()
    _by_the_desk(server, client, COIN)

    def counted() -> float:
        found = re.search(
            r'duration_seconds_count\{method="GET",route="/api/v1/coins/\{canonical_id\}",status="2xx"\} (\S+)',
            client.ask("/metrics").body.decode(),
        )
        assert found
        return float(found[1])

    before = counted()
    for _ in range(3):
        client.ask(COIN)
    assert counted() == before + 3


def test_who_asked_for_an_end_gets_it_after_the_answer(serve: Serve, factory: Factory) -> None:
    server = serve()
    factory.coin("btc")
    _by_the_desk(server, server.client(), COIN)
    before = server.worker.requests_in_threads
    client = server.client()
    said = client.ask(COIN, "Connection: close")
    assert (said.status, said.header("Connection")) == (200, "close")
    assert client.is_over
    assert server.worker.requests_in_threads == before


@pytest.mark.parametrize(
    "headers",
    [
        ("X-API-Key: right-secret",),
        ("Authorization: Bearer right-secret",),
        ("Cookie: quotes_session=x",),
        ("Upgrade: h2c", "Connection: upgrade"),
        ("Content-Length: 0",),
    ],
)
def test_what_might_have_to_wait_goes_to_a_thread(serve: Serve, factory: Factory, headers: tuple[str, ...]) -> None:
    server = serve(API_KEYS="ann:read:right-secret")
    factory.coin("btc")
    client = server.client()
    _by_the_desk(server, client, COIN)
    before = server.worker.requests_in_threads
    assert client.ask(COIN, *headers).status == 200
    assert server.worker.requests_in_threads == before + 1


def test_a_wrong_key_is_refused_and_so_is_everybody_where_reading_needs_one(serve: Serve, factory: Factory) -> None:
    factory.coin("btc")
    server = serve(API_KEYS="ann:read:right-secret")
    client = server.client()
    _by_the_desk(server, client, COIN)
    assert client.ask(COIN, "X-API-Key: wrong-secret").status == 401
    closed = serve(API_KEYS="ann:read:right-secret", READ_ACCESS="key").client()
    for _ in range(3):
        assert closed.ask(COIN, "X-API-Key: right-secret").status == 200
        assert closed.ask(COIN).status == 401


def test_requests_without_a_thread_count_towards_the_limit(serve: Serve, factory: Factory) -> None:
    factory.coin("btc")
    limit = 200
    server = serve(RATE_LIMIT_PER_MINUTE=str(limit), WEB_CONCURRENCY="1")
    client = server.client()
    by_desk = _by_the_desk(server, client, COIN)
    by_thread = _by_a_thread(server, client, COIN)
    for name in ("RateLimit", "RateLimit-Policy"):
        assert re.sub(r"[rt]=\d+", "", by_desk.header(name) or "-") == re.sub(
            r"[rt]=\d+", "", by_thread.header(name) or ""
        )
    before = server.worker.requests_in_threads
    # More than fit into two minutes of the clock.
    statuses = [client.ask(COIN).status for _ in range(2 * limit + 1)]
    assert set(statuses) == {200, 429}
    # Each hundredth of the limit, one asks Redis; who is refused is told so by a view.
    assert server.worker.requests_in_threads - before <= limit + statuses.count(429)


@pytest.mark.parametrize("pooler", ["none", "transaction"])
def test_readers_are_never_given_older_data_than_before_whichever_process_answers(
    serve: Serve, factory: Factory, database_url: str, pooler: str
) -> None:
    factory.coin("btc", price="0")
    servers = [serve(POSTGRES_POOLER=pooler), serve(POSTGRES_POOLER=pooler)]
    clients = [server.client() for server in servers]
    for server, client in zip(servers, clients, strict=True):
        _by_the_desk(server, client, COIN)
    with psycopg.connect(database_url) as writer:
        for price in range(1, 30):
            version.advance(writer)
            writer.execute("UPDATE cryptocurrencies SET price = %s", [price])
            for client in clients:
                assert f'"price":{price - 1},'.encode() in client.ask(COIN).body.replace(b" ", b"")
            writer.commit()
            for client in clients:
                assert f'"price":{price},'.encode() in client.ask(COIN).body.replace(b" ", b"")


def test_all_who_wait_are_answered_together_and_hold_no_thread(
    serve: Serve, factory: Factory, database_url: str
) -> None:
    factory.coin("btc")
    server = serve()
    clients = [server.client() for _ in range(20)]
    _by_the_desk(server, clients[0], COIN)
    before = server.worker.requests_in_threads, server.worker.errands
    with _nobody_hears_of_the_version(database_url):
        for client in clients:
            client.send(COIN)
        assert server.client().ask("/livez").status == 200
    assert [client.hear().status for client in clients] == [200] * 20
    assert (server.worker.requests_in_threads, server.worker.errands) == (before[0] + 1, before[1])


def test_a_changed_answer_is_found_once_for_all_who_wait(serve: Serve, factory: Factory, database_url: str) -> None:
    factory.coin("btc", price="1")
    server = serve()
    clients = [server.client() for _ in range(20)]
    _by_the_desk(server, clients[0], COIN)
    with psycopg.connect(database_url) as writer:
        version.advance(writer)
        writer.execute("UPDATE cryptocurrencies SET price = 2")
    before = server.worker.errands
    with _nobody_hears_of_the_version(database_url):
        for client in clients:
            client.send(COIN)
    answers = [client.hear().body for client in clients]
    assert len(set(answers)) == 1
    assert b'"price":2' in answers[0].replace(b" ", b"")
    # The first may have been alone when its answer was looked for.
    assert server.worker.errands - before <= 2


def test_what_is_gone_meanwhile_is_left_to_the_view(serve: Serve, factory: Factory, client: ContractClient) -> None:
    factory.coin("btc")
    server = serve()
    reader = server.client()
    _by_the_desk(server, reader, COIN)
    client.delete(f"{DATA}?confirm=true")
    said = reader.ask(COIN)
    assert (said.status, said.header("Content-Type")) == (404, "application/problem+json")


def test_a_connection_to_postgres_that_breaks_is_made_anew_and_nobody_notices(
    serve: Serve, factory: Factory, database_url: str
) -> None:
    factory.coin("btc")
    server = serve()
    client = server.client()
    _by_the_desk(server, client, COIN)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE application_name = 'crypto-quotes' AND datname = current_database()"
        )
    assert client.ask(COIN).status == 200
    assert _by_the_desk(server, client, COIN).status == 200


def test_requests_that_came_at_once_are_answered_one_after_the_other(serve: Serve, factory: Factory) -> None:
    factory.coin("btc")
    factory.coin("eth")
    server = serve()
    client = server.client()
    paths = [COIN, "/api/v1/coins/eth", "/livez", STATS, "/api/v1/coins/nothing", COIN]
    for path in paths:
        if path not in ("/livez", "/api/v1/coins/nothing"):
            _by_the_desk(server, client, path)
    alone = [client.ask(path) for path in paths]
    client.socket.sendall(b"".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in paths))
    together = [client.hear() for _ in paths]
    assert [said.status for said in together] == [said.status for said in alone] == [200, 200, 200, 200, 404, 200]
    assert [said.body for said in together[:2]] == [said.body for said in alone[:2]]


def test_who_doesnt_take_the_answer_holds_nobody_up_and_gets_it_when_they_do(serve: Serve, factory: Factory) -> None:
    for number in range(300):
        factory.coin(f"coin-{number}", name="long " * 200)
    server = serve()
    path = f"{DATA}?page_size=300"
    expected = _by_the_desk(server, server.client(), path).body
    slow = [server.client(receive_buffer=4096) for _ in range(6)]
    before = server.worker.requests_in_threads
    for client in slow:
        for _ in range(40):
            client.send(path)
    quick = server.client()
    for _ in range(10):
        assert quick.ask(path).body == expected
    assert server.worker.requests_in_threads == before
    for client in slow:
        for _ in range(40):
            assert client.hear().body == expected


def test_who_leaves_while_waiting_is_forgotten(serve: Serve, factory: Factory, database_url: str) -> None:
    factory.coin("btc")
    server = serve()
    stays = server.client()
    _by_the_desk(server, stays, COIN)
    with _nobody_hears_of_the_version(database_url):
        for _ in range(5):
            leaves = server.client()
            leaves.send(COIN)
            leaves.close()
        stays.send(COIN)
    assert stays.hear().status == 200
    until(lambda: server.worker.nr_conns == 1, "only one is left")


def test_a_process_that_stops_answers_those_who_wait_and_says_goodbye(
    serve: Serve, factory: Factory, database_url: str
) -> None:
    factory.coin("btc")
    server = serve()
    clients = [server.client() for _ in range(3)]
    _by_the_desk(server, clients[0], COIN)
    for client in clients:
        assert client.ask(COIN).header("Connection") == "keep-alive"
    with _nobody_hears_of_the_version(database_url):
        for client in clients:
            client.send(COIN)
        server.stop()
    for client in clients:
        said = client.hear()
        assert (said.status, said.header("Connection")) == (200, "close")
        assert client.is_over
