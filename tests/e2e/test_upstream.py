"""Each row of docs/UPSTREAM.md through the running program: how often it asks, how the job ends, and what it says."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.valkey import Valkey
from tests.e2e.upstream_rows import ROWS, Row
from tests.program import Program
from tests.services import SharedPostgres
from tests.upstream.server import BINANCE, COINGECKO, COINPAPRIKA, KRAKEN, Upstream

DOCUMENT = Path(__file__).parents[2] / "docs" / "UPSTREAM.md"
PATHS = {"coingecko": COINGECKO, "coinpaprika": COINPAPRIKA, "binance": BINANCE, "kraken": KRAKEN}


@contextmanager
def a_server_that_takes_no_connection() -> Iterator[int]:
    """Its queue for connections is full, so it answers no further knock."""
    with ExitStack() as stack:
        server = stack.enter_context(closing(socket.socket()))
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            knocking = stack.enter_context(closing(socket.socket()))
            knocking.setblocking(False)
            knocking.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture(scope="module")
def program(shared_postgres: SharedPostgres, service_folder: Path, upstream: Upstream) -> Iterator[Program]:
    """With short waits, and with no rest for a source, which would hold the next row's job."""
    with ExitStack() as stack:
        dead = stack.enter_context(a_server_that_takes_no_connection())
        valkey = Valkey(service_folder / "valkey-upstream")
        stack.callback(valkey.stop)
        settings: dict[str, Any] = {
            **upstream.environ,
            "COINPAPRIKA_API_URL": f"http://127.0.0.1:{dead}/v1",
            "RETRY_BASE_DELAY": "0.01",
            "RETRY_AFTER_MAX": "1",
            "HTTP_TIMEOUT": "0.7",
            "BREAKER_FAILURES": "1000000",
        }
        yield stack.enter_context(Program(stack.enter_context(shared_postgres.database()), valkey, **settings))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.behaviour)
def test_an_upstream_that_does_this_gets_these_requests_and_the_job_says_so(
    program: Program, upstream: Upstream, row: Row
) -> None:
    upstream.forget()
    for order in row.orders:
        upstream.behave(**{"path": PATHS[row.source], "kind": "answer", **order})
    accepted = program.post(f"/api/v1/ingest/{row.source}?limit={row.limit}")
    job = program.finished(accepted.json()["id"])
    assert job["state"] == row.state
    if row.state == "succeeded":
        assert f"{job['total_fetched']} coins" == row.said
    else:
        assert job["error"]["detail"].startswith(row.said)
    # The latest comes first.
    assert tuple(error["followed"] for error in reversed(job["errors"])) == row.followed
    if row.source != "coinpaprika":  # which nobody answers for
        assert len(upstream.log) == row.requests


def documented() -> list[list[str]]:
    """The cells of the document's first table, below its head."""
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2 : len(ROWS) + 2]]


def test_the_document_has_these_rows_and_no_others() -> None:
    assert documented() == [[row.behaviour, row.becomes, str(row.requests), row.state, row.said] for row in ROWS]
