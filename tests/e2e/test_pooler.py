"""The program behind PgBouncer in transaction mode: web, workers and migrations share a few server connections."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db.migrate import migrate
from db.pool import Database
from local.guard import Ledger
from local.postgres import Postgres
from local.valkey import Valkey
from tests import pooler
from tests.pooler import PgBouncer
from tests.program import Program
from tests.upstream.server import COINGECKO, Upstream
from tests.waiting import until

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(pooler.found() is None, reason="pgbouncer isn't installed (Debian: apt-get install pgbouncer)"),
]
WAIT = {"Prefer": "wait=60"}


@pytest.fixture
def bouncer(own_postgres: Postgres, service_folder: Path, service_ledger: Ledger) -> Iterator[PgBouncer]:
    server = PgBouncer(service_folder / f"pgbouncer-{uuid.uuid4().hex[:8]}", own_postgres.url, service_ledger)
    server.start()
    yield server
    server.stop()


def test_the_whole_program_works_through_a_pooler(bouncer: PgBouncer, own_valkey: Valkey) -> None:
    assert migrate(bouncer.url)
    assert migrate(bouncer.url) == []
    with Upstream() as upstream:
        # It hangs once, so that there is a worker to kill in the middle of a task.
        upstream.behave(COINGECKO, "hang")
        settings: dict[str, Any] = {**upstream.environ, "POSTGRES_POOLER": "transaction", "LEASE": "3"}
        program = Program(bouncer.url, own_valkey, **settings)
        with program:
            _a_killed_workers_task_is_done_by_another(program, upstream)
            _files_are_merged_side_by_side(program)
            _a_correction_moves_a_coin(program)
            exported = program.get("/api/v1/export?format=csv")
            assert (exported.status_code, len(exported.text.splitlines())) == (
                200,
                1 + program.get("/api/v1/data").json()["total"],
            )
            assert program.get("/health").json()["status"] == "healthy"
            assert "prepared statement" not in program.said


def _a_killed_workers_task_is_done_by_another(program: Program, upstream: Upstream) -> None:
    job = program.post("/api/v1/ingest/coingecko").json()["id"]
    until(lambda: len(upstream.log) > 0, "the upstream is asked")
    program.kill_worker_child()
    ended = program.finished(job)
    assert ended["state"] == "succeeded"
    assert [error["followed"] for error in ended["errors"]] == ["lost"]


def _files_are_merged_side_by_side(program: Program) -> None:
    """More at once than there are server connections, each copied into temporary tables of such a connection."""
    jobs = []
    for number in range(8):
        rows = "".join(f"p{number}x{row},Pooled {number} {row},{row + 1}\n" for row in range(50))
        file = {"file": (f"{number}.csv", f"symbol,name,price\n{rows}")}
        jobs.append(program.post("/api/v1/ingest/csv", files=file).json()["id"])
    assert {program.finished(job)["state"] for job in jobs} == {"succeeded"}
    assert program.get("/api/v1/coins/p7x49").json()["price"] == 50


def _a_correction_moves_a_coin(program: Program) -> None:
    mapping = next(m for m in program.get("/api/v1/coins/p0x0").json()["mappings"] if m["source"] == "csv")
    moved = program.request("PUT", f"/api/v1/mappings/csv/{mapping['source_id']}", json={"canonical_id": "p1x1"})
    assert moved.status_code == 200


def test_each_transaction_has_its_limit_and_no_connection_keeps_it(bouncer: PgBouncer) -> None:
    def limit(connection: psycopg.Connection) -> tuple[str, ...] | None:
        return connection.execute(
            "SELECT current_setting('idle_in_transaction_session_timeout'), current_setting('TimeZone')"
        ).fetchone()

    with closing(Database(bouncer.url, size=2, idle=7, pooled=True)) as database:
        with database.transaction() as connection:
            assert limit(connection) == ("7s", "UTC")
        with database.connection() as connection:
            assert limit(connection) == ("0", "UTC")


def test_a_statement_asked_often_is_never_prepared(bouncer: PgBouncer) -> None:
    with closing(Database(bouncer.url, size=2, pooled=True)) as database, database.connection() as connection:
        for _ in range(20):
            connection.execute("SELECT %s::text", ["x"])
        assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
