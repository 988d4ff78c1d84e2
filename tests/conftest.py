"""What every test may ask for. Nothing is started before a test asks: unit tests run without any service."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from redis import Redis

from core.settings import Settings
from local.guard import Ledger, guarded
from local.lock import only_runner
from local.postgres import Postgres
from local.valkey import Valkey
from tests.services import SharedPostgres, wait_until_gone

pytest_plugins = ["tests.upstream.fixtures"]

_RUN = "CRYPTO_QUOTES_TEST_RUN"
# What steers the programs that we start, or the libraries in them, without being a setting of ours.
_ELSEWHERE = (
    *("WEB_CONCURRENCY", "WORKER_PROCESSES", "WORKER_THREADS", "GUNICORN_CMD_ARGS", "PROMETHEUS_MULTIPROC_DIR"),
    *("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # pytest-xdist's worker processes inherit it
        os.environ[_RUN] = uuid.uuid4().hex[:12]


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        wait_until_gone(os.environ[_RUN])


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No test sees what the developer has set; `environment.setenv` sets what it needs."""
    for name in [setting.name.upper() for setting in fields(Settings)] + [*_ELSEWHERE]:
        monkeypatch.delenv(name, raising=False)
    for name in os.environ:
        if name.startswith(("PG", "dramatiq_")):
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[SharedPostgres]:
    shared = SharedPostgres(os.environ[_RUN])
    yield shared
    shared.leave()


@pytest.fixture
def database_url(shared_postgres: SharedPostgres) -> Iterator[str]:
    """A fresh, migrated database for one test."""
    with shared_postgres.database() as url:
        yield url


@pytest.fixture(scope="session")
def service_folder() -> Iterator[Path]:
    """A folder for services that this process runs; pytest's own are closed to `nobody`, who runs Postgres for root."""
    folder = Path(tempfile.mkdtemp(prefix="crypto-quotes-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def service_ledger(service_folder: Path) -> Iterator[Ledger]:
    """Where services are written down, for the guard that ends them if this process is killed."""
    with only_runner(service_folder / "lock"), guarded(service_folder / "lock") as ledger:
        yield ledger


@pytest.fixture(scope="session")
def _valkey(service_folder: Path, service_ledger: Ledger) -> Iterator[Valkey]:
    server = Valkey(service_folder / "valkey", ledger=service_ledger, durable=False)
    yield server
    server.stop()


@pytest.fixture
def redis_url(_valkey: Valkey) -> str:
    """An empty Valkey, shared with the tests before and after. To stop or kill one, take `own_valkey`."""
    url = _valkey.start()
    with Redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.fixture
def own_valkey(service_folder: Path, service_ledger: Ledger) -> Iterator[Valkey]:
    """A Valkey of this test's own, running and durable, to stop, kill and start again."""
    server = Valkey(service_folder / f"valkey-{uuid.uuid4().hex[:8]}", ledger=service_ledger)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_postgres(service_folder: Path, service_ledger: Ledger) -> Iterator[Postgres]:
    """A Postgres of this test's own, running, without tables, to stop, kill and start again."""
    server = Postgres(service_folder / f"postgres-{uuid.uuid4().hex[:8]}", ledger=service_ledger, durable=False)
    server.start()
    yield server
    server.stop()
