"""The real program on a stage: web, two masters of workers, and everything they talk to within the suite's reach."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from redis import Redis

from db.migrate import migrate
from local import procfile
from local.postgres import Postgres
from local.run import ROOT
from local.valkey import Valkey
from tests.faults.proxy import Proxy
from tests.program import Program
from tests.upstream.markets import Markets, moving
from tests.upstream.server import Upstream

WORKERS = ("worker", "worker-2")
# Three pages of CoinGecko's.
MARKET_SIZE = 520
# The market's clock: prices change each second, and within some minutes quotes of one source become stale.
_SPEED = 60
_LEDGER = Path(__file__).with_name("ledger.sql")


class ForgetfulValkey(Valkey):
    """Begins its next start with nothing once `forgets` is set."""

    forgets = False

    def _prepare(self) -> None:
        if self.forgets:
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
            self.forgets = False


@dataclass
class Pace:
    """How slow the upstream is, in seconds an answer: `usual`, and every so often `slow`."""

    usual: float = 0.1
    slow: float = 0.1
    every: int = 4

    def __post_init__(self) -> None:
        self._answers = count(1)

    def next(self) -> float:
        return self.slow if next(self._answers) % self.every == 0 else self.usual


@dataclass
class Stage:
    """A running program and the means to do it harm. `database_url` and `redis` go past the proxies."""

    program: Program
    postgres: Postgres
    valkey: ForgetfulValkey
    upstream: Upstream
    pace: Pace
    postgres_proxy: Proxy
    redis_proxy: Proxy
    database_url: str

    def connect(self) -> psycopg.Connection:
        """A connection of the suite's own, in autocommit."""
        return psycopg.connect(self.database_url, autocommit=True, connect_timeout=5, options="-c TimeZone=UTC")

    @contextmanager
    def redis(self) -> Iterator[Redis]:
        client = Redis.from_url(self.valkey.url, socket_timeout=5, socket_connect_timeout=5)
        try:
            yield client
        finally:
            client.close()

    def worker_children(self) -> list[int]:
        return [pid for name in WORKERS for pid in self.program.children(name)]


def a_market(pace: Pace) -> Callable[[], Markets]:
    """The same coins all the time, at prices that move with a fast clock which stays in the past."""
    begun = time.monotonic()
    opening = datetime.now(UTC) - timedelta(days=1)
    market = moving(MARKET_SIZE, lambda: opening + _SPEED * timedelta(seconds=time.monotonic() - begun))
    lock = threading.Lock()

    def now() -> Markets:
        time.sleep(pace.next())
        with lock:
            return market()

    return now


def fresh_database(postgres: Postgres, purpose: str, *, ledger: bool = False) -> str:
    """A migrated database of its own on this server; its URL. With the ledger's triggers if wanted."""
    name = f"{purpose}_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = _named(postgres.url, name)
    migrate(url)
    if ledger:
        with psycopg.connect(url) as connection:
            connection.execute(_LEDGER.read_bytes())
    return url


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _through(url: str, proxy: Proxy) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{proxy.port}"))


@contextmanager
def staged(
    folder: Path,
    postgres: Postgres,
    *,
    mutant: str = "",
    processes: int = 1,
    mortal_postgres: bool = False,
    **settings: str,
) -> Iterator[Stage]:
    """Start the program on a fresh database of a running server. `mutant` names a way to start workers that are wrong.

    What dies is started again; a `mortal_postgres` too, which in return ends with the program.
    """
    with ExitStack() as stack:
        database_url = fresh_database(postgres, "program", ledger=True)
        valkey = ForgetfulValkey(folder / f"valkey-{uuid.uuid4().hex[:8]}")
        stack.callback(valkey.stop)
        pace = Pace()
        upstream = stack.enter_context(Upstream(a_market(pace)))
        valkey.start()
        assert postgres.port and valkey.port
        postgres_proxy = stack.enter_context(Proxy(postgres.port))
        redis_proxy = stack.enter_context(Proxy(valkey.port))
        environment: dict[str, Any] = {
            **upstream.environ,
            "DATABASE_URL": _through(database_url, postgres_proxy),
            "REDIS_URL": _through(valkey.url, redis_proxy),
            **settings,
        }
        program = Program(
            database_url,
            valkey,
            postgres if mortal_postgres else None,
            worker_processes=processes,
            commands=dict.fromkeys(WORKERS, _worker_line(mutant)),
            **environment,
        )
        stack.enter_context(program)
        yield Stage(program, postgres, valkey, upstream, pace, postgres_proxy, redis_proxy, database_url)


def _worker_line(mutant: str) -> str:
    line = procfile.read(ROOT / "Procfile")["worker"]
    entry = "python -m workers"
    assert entry in line
    return line.replace(entry, f"dramatiq tests.faults.mutants:{mutant}") if mutant else line
