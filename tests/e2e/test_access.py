"""The running program against clients that are slow, wrong or curious; and beyond loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from db.apikeys import make_key
from local.run import ROOT
from tests.e2e.conftest import Start
from tests.program import Program, clean_environment

SLOW = 50
# A limit of the program's is met before this; a test that waits for longer has found it starved.
QUICK_SECONDS = 4.0


@pytest.fixture
def slowly() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def _connected(stack: ExitStack, program: Program, begin: bytes) -> socket.socket:
    client = stack.enter_context(socket.create_connection(("127.0.0.1", program.port), timeout=30))
    client.sendall(begin)
    return client


def _said_to(program: Program, request: bytes) -> bytes:
    """Everything that the program answers until it hangs up."""
    with ExitStack() as stack:
        client, said = _connected(stack, program, request), b""
        while came := client.recv(65536):
            said += came
    return said


@pytest.mark.parametrize(
    "begin",
    [
        b"",
        b"GET /api/v1/stats HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 1000\r\n\r\nkey=",
        b"POST /signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nkey=",
        b"POST /signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 0000000001000\r\n\r\nkey=",
        b"POST /api/v1/ingest/csv HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nX-Slow: ",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /api/v1/events HTTP/1.2\r\nHost: x\r\n\r\n",
    ],
    ids=[
        "silent",
        "head",
        "body",
        "chunked body",
        "padded length",
        "long body",
        "pipelined",
        "stays after its answer",
        "stream of a later HTTP",
    ],
)
def test_fifty_clients_that_are_slow_or_stay_hold_nobody_up(program: Program, slowly: ExitStack, begin: bytes) -> None:
    clients = [_connected(slowly, program, begin) for _ in range(SLOW)]
    for step in range(10):
        if begin.endswith(b": "):
            clients[step].sendall(b"a")
        assert program.get("/livez", timeout=QUICK_SECONDS, headers={"Connection": "close"}).status_code == 200
        assert program.get("/api/v1/stats", timeout=QUICK_SECONDS).status_code == 200


def test_a_slow_client_that_comes_to_an_end_is_answered(program: Program, slowly: ExitStack) -> None:
    client = _connected(slowly, program, b"GET /livez HT")
    assert program.get("/livez").status_code == 200
    for piece in (
        b"TP/1.1\r\nHost: localho",
        b"st\r\n\r",
        b"\nGET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ):
        client.sendall(piece)
    said = b""
    while came := client.recv(65536):
        said += came
    assert said.count(b"HTTP/1.1 200 OK") == 2


def test_a_client_that_never_comes_to_an_end_is_hung_up_on(program: Program, slowly: ExitStack) -> None:
    client = _connected(slowly, program, b"GET /livez HTTP/1.1\r\n")
    assert client.recv(1) == b""


def test_a_head_without_end_is_refused(program: Program, slowly: ExitStack) -> None:
    client = _connected(slowly, program, b"GET /livez HTTP/1.1\r\nX-Long: " + b"a" * 40_000)
    assert client.recv(65536).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("begin", "status"),
    [
        (b"GET /livez HTTP/1.1\r\nX-Long: " + b"a" * 40_000, 431),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 9_000 + b"\r\n\r\n", 431),
        (b"GET /livez?" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
        (b"<script>\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rot13\r\n\r\n", 501),
        (b"POST /livez HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\nContent-Length: 0\r\n\r\n", 417),
    ],
)
def test_what_never_reaches_a_view_is_answered_with_a_problem_too(program: Program, begin: bytes, status: int) -> None:
    said = _said_to(program, begin)
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    problem = json.loads(body)
    assert problem["status"] == status
    assert f"X-Request-ID: {problem['request_id']}".encode() in head
    assert "script" not in body.decode()


def _gunicorn(database_url: str, redis_url: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Whether web's configuration is one that it would start with."""
    return subprocess.run(
        [str(Path(sys.executable).parent / "gunicorn"), "--config", "python:web.gunicorn_conf", "--check-config"],
        cwd=ROOT,
        env={
            **clean_environment(),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "WEB_CONCURRENCY": "1",
            **settings,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_beyond_loopback_web_refuses_to_start_until_there_is_a_key(database_url: str, redis_url: str) -> None:
    beyond = {"HOST": "0.0.0.0"}  # noqa: S104  its configuration is only looked at
    refused = _gunicorn(database_url, redis_url, **beyond)
    assert refused.returncode != 0
    assert "API_KEYS must be set, or a key be made in the database" in refused.stderr
    with psycopg.connect(database_url, autocommit=True) as connection:
        make_key(connection, "ann", "admin")
    assert _gunicorn(database_url, redis_url, **beyond).returncode == 0


def test_no_secret_gets_into_what_the_program_says(start_program: Start) -> None:
    key, guess, secret, upstream = "key-of-the-boss-1", "guessed-key-22", "s" * 40, "upstream-key-333"
    program = start_program(
        own_postgres=True,
        API_KEYS=f"boss:admin:{key}",
        SECRET_KEY=secret,
        COINGECKO_API_KEY=upstream,
        COINGECKO_API_URL="http://127.0.0.1:1/api/v3",
        RETRY_BASE_DELAY="0.05",
        LOG_LEVEL="debug",
    )
    with psycopg.connect(program.database_url, autocommit=True) as connection:
        made = make_key(connection, "ann", "ingest")
    for sent in (key, made, guess):
        for headers in ({"Authorization": f"Bearer {sent}"}, {"X-API-Key": sent}, {"X-CSRF-Token": sent}):
            program.get("/api/v1/stats", headers=headers)
            program.get(f"/api/v1/data?api_key={sent}&page=x", headers=headers)
            program.post("/api/v1/ingest/coingecko", headers={**headers, "Content-Type": f"text/{sent}"}, data="x")
        signed_in = program.post("/signin", data={"key": sent, "next": f"/{sent}"}, allow_redirects=False)
        cookie = signed_in.headers.get("Set-Cookie", "").partition(";")[0]
        program.get("/signin", headers={"Cookie": cookie})
        for garbled in (
            f"GET /livez HTTP/1.1\r\nHost: x\r\nAuthorization Bearer {sent}\r\n\r\n",
            f"GET /livez HTTP/1.1\r\nHost: x\r\nX-API-Key-{sent}@: 1\r\n\r\n",
            f"GET /livez HTTP/1.1\r\nHost: x\r\n {sent}\r\n\r\n",
            f"GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {sent}\r\n\r\n",
            f"GET /livez HTTP/1.1\r\nHost: x\r\nExpect: {sent}\r\n\r\n",
            f"Authorization: Bearer {sent}\r\n\r\n",
            f"GET /livez HTTP/{sent}\r\n\r\n",
        ):
            assert b"problem+json" in _said_to(program, garbled.encode())
    program.post("/api/v1/ingest/coingecko", headers={"X-API-Key": key})
    assert program.postgres
    program.postgres.stop()
    program.get("/api/v1/stats", headers={"X-API-Key": made})
    program.post("/api/v1/ingest/csv", headers={"X-API-Key": key})
    password = program.database_url.partition("//")[2].partition("@")[0].partition(":")[2]
    assert len(password) > 8
    said = program.said
    assert "/api/v1/ingest/coingecko" in said
    assert "InvalidHeader" in said
    for hidden in (key, guess, secret, upstream, made, password):
        assert hidden not in said
