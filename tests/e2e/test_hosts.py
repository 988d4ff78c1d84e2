"""Workers on three hosts, of which one is cut off in the middle of a task: no packet comes through, no end is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from local import procfile
from local.run import ROOT
from local.valkey import Valkey
from tests.faults import history, invariants
from tests.hosts import Hosts, NamespaceHosts, ProxiedHosts, namespaces_refused
from tests.program import Program
from tests.upstream.markets import Markets, made_up
from tests.upstream.server import Upstream
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)
WORKERS = ("worker", "worker-2", "worker-3")
_LEDGER = Path(history.__file__).with_name("ledger.sql")
# Whoever merges holds it shared.
_MAPPINGS = 7316400004


class SlowOnce:
    """The market, whose first answer comes when `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = threading.Event()
        self._market = made_up(40)

    def __call__(self) -> Markets:
        if not self.asked.is_set():
            self.asked.set()
            self.go.wait(150)
        return self._market


class Cluster:
    """The program with its workers on three hosts, and what each of them does."""

    def __init__(self, hosts: Hosts, program: Program, connection: psycopg.Connection) -> None:
        self.hosts = hosts
        self.program = program
        self.connection = connection

    def holder(self, job: int) -> str:
        """The host whose worker is at the job's task, once there is one."""

        def found() -> str | None:
            row = self.connection.execute(
                "SELECT worker FROM tasks WHERE job_id = %s AND state = 'running'", [job]
            ).fetchone()
            return self._host_of(row[0]) if row else None

        return str(until(found, f"a worker is at job {job}", 60))

    def _host_of(self, worker: str) -> str | None:
        pid = int(worker.rpartition(":")[2])
        return next((name for name in WORKERS if pid in self.program.children(name)), None)

    def hear_of(self, *hosts: str) -> None:
        """Wait until a worker of each of these hosts has given a sign of life from now on."""
        began = self.connection.execute("SELECT clock_timestamp()").fetchone()
        assert began

        def heard() -> bool:
            rows = self.connection.execute("SELECT id FROM workers WHERE seen_at > %s", began).fetchall()
            return set(hosts) <= {self._host_of(row[0]) for row in rows}

        until(heard, f"workers live on {', '.join(hosts)}", 60)

    def went_to_another_than(self, host: str, job: int) -> None:
        """The job succeeds, and its task was lost once and ended by another host."""
        ended = self.program.finished(job, 90)
        assert ended["state"] == "succeeded", ended["errors"]
        assert "lost" in [error["followed"] for error in ended["errors"]]
        rows = self.connection.execute(
            "SELECT DISTINCT worker FROM ledger.tasks WHERE job = %s AND state = 'running' AND worker IS NOT NULL",
            [job],
        ).fetchall()
        held = {self._host_of(row[0]) for row in rows}
        assert host in held
        assert held - {host}

    def nothing_is_doubled(self) -> None:
        seen = history.read(self.connection)
        for check in (
            invariants.effects_once,
            invariants.no_effect_under_a_stale_fence,
            invariants.a_fetch_is_whole,
            invariants.an_end_is_final,
            invariants.attempts_stay_below_the_maximum,
        ):
            assert list(check(seen)) == []


@pytest.fixture(params=[NamespaceHosts, ProxiedHosts], ids=["namespaces", "proxies"])
def kind(request: pytest.FixtureRequest) -> type[Hosts]:
    if request.param is NamespaceHosts and (reason := namespaces_refused()):
        pytest.skip(reason)
    found: type[Hosts] = request.param
    return found


@pytest.fixture
def market() -> SlowOnce:
    return SlowOnce()


@pytest.fixture
def cluster(kind: type[Hosts], database_url: str, own_valkey: Valkey, market: SlowOnce) -> Iterator[Cluster]:
    with ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(database_url, autocommit=True))
        connection.execute(_LEDGER.read_bytes())
        upstream = stack.enter_context(Upstream(market))
        stack.callback(market.go.set)
        services = {"DATABASE_URL": database_url, "REDIS_URL": own_valkey.url, **upstream.environ}
        ports = tuple({port for url in services.values() if (port := urlsplit(url).port)})
        hosts = stack.enter_context(kind(WORKERS, ports))
        line = procfile.read(ROOT / "Procfile")["worker"]
        settings: dict[str, Any] = {**upstream.environ, "LEASE": "5", "HTTP_TIMEOUT": "150", "RETRY_BASE_DELAY": "0.1"}
        commands = {name: hosts.line(name, line, services) for name in WORKERS}
        program = stack.enter_context(Program(database_url, own_valkey, commands=commands, **settings))
        yield Cluster(hosts, program, connection)


def test_a_host_that_is_cut_off_loses_its_task_to_another_and_writes_nothing_when_it_is_back(
    cluster: Cluster, market: SlowOnce
) -> None:
    for in_mid_task in (_in_mid_fetch, _in_mid_merge):
        in_mid_task(cluster, market)
        cluster.nothing_is_doubled()
    cluster.hear_of(*WORKERS)
    for table in ("quotes", "price_history"):
        count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        assert cluster.connection.execute(count).fetchone() == (40 + 2,)
    assert cluster.program.get("/api/v1/coins/hostb").json()["price"] == 2


def _in_mid_fetch(cluster: Cluster, market: SlowOnce) -> None:
    job = int(cluster.program.post("/api/v1/ingest/coingecko?limit=40").json()["id"])
    host = cluster.holder(job)
    # Cut before, it would leave the slow answer to the other.
    until(market.asked.is_set, f"{host} asks the market", 60)
    cluster.hosts.cut(host)
    cluster.went_to_another_than(host, job)
    cluster.hosts.join(host)
    cluster.hear_of(host)
    # Only now it gets its answer, and would store the page.
    market.go.set()
    until(lambda: _gave_up(cluster, host), f"{host} sees that the task is another's", 60)


def _in_mid_merge(cluster: Cluster, _: SlowOnce) -> None:
    def waits() -> bool:
        row = cluster.connection.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE wait_event = 'advisory' AND datname = current_database())"
        ).fetchone()
        return row == (True,)

    with psycopg.connect(cluster.connection.info.dsn, password=cluster.connection.info.password) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [_MAPPINGS])
        file = {"file": ("two.csv", b"symbol,name,price\nHOSTA,Host A,1\nHOSTB,Host B,2\n")}
        job = int(cluster.program.post("/api/v1/ingest/csv", files=file).json()["id"])
        until(waits, "a merge has begun", 60)
        host = cluster.holder(job)
        cluster.hosts.cut(host)
    cluster.went_to_another_than(host, job)
    cluster.hosts.join(host)
    cluster.hear_of(host)


def _gave_up(cluster: Cluster, host: str) -> bool:
    return any(
        "no longer ours, nothing written" in line
        for line in cluster.program.said.splitlines()
        if line.split()[0] == host
    )
