"""The crowd let loose on the running program for some time, and what it saw."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.postgres import Postgres
from local.valkey import Valkey
from tests.faults.stage import MARKET_SIZE, fresh_database
from tests.load.clients import CROWD, Client, Log
from tests.load.memory import Watch
from tests.program import Program
from tests.upstream.markets import Markets, moving
from tests.upstream.server import Upstream

# Imports, caches and pools fill in this share of the time, before anything is counted.
_WARMING_SHARE = 0.2
# What the memory of the last quarter may be beyond the first's: a share, and bytes of noise.
_GROWTH = 0.05
_NOISE = 10 * 1024 * 1024


@dataclass(frozen=True)
class Outcome:
    """What the crowd counted in `seconds`, and what web and worker held in the first and the last quarter (bytes)."""

    log: Log
    seconds: float
    memory: Mapping[str, tuple[float, float]]

    @property
    def is_flat(self) -> bool:
        """Whether no part held more at the end than at the beginning."""
        return all(last <= first * (1 + _GROWTH) + _NOISE for first, last in self.memory.values())

    @property
    def is_well(self) -> bool:
        return self.is_flat and not self.log.errors


def loaded(folder: Path, postgres: Postgres, minutes: float) -> Outcome:
    """Start the program on a fresh database of a running server, and let the crowd use it."""
    with _program(folder, postgres) as program:
        for job in [program.post(f"/api/v1/ingest/{source}").json()["id"] for source in ("coingecko", "coinpaprika")]:
            program.finished(job)
        _use(program, minutes * 60 * _WARMING_SHARE, seed=1)
        with Watch(program) as watch:
            log, seconds = _use(program, minutes * 60 * (1 - _WARMING_SHARE), seed=1000)
        return Outcome(log, seconds, watch.quarters)


def _use(program: Program, seconds: float, *, seed: int) -> tuple[Log, float]:
    log = Log()
    clients = [
        Client(program.url, log, steps, seed=seed + 100 * kind + number, pause=pause)
        for kind, (many, pause, steps) in enumerate(CROWD.values())
        for number in range(many)
    ]
    begun = time.monotonic()
    for client in clients:
        client.start()
    threading.Event().wait(seconds)
    for client in clients:
        client.stopping.set()
    for client in clients:
        client.join()
    return log, time.monotonic() - begun


@contextmanager
def _program(folder: Path, postgres: Postgres) -> Iterator[Program]:
    with ExitStack() as stack:
        valkey = Valkey(folder / "valkey", durable=False)
        stack.callback(valkey.stop)
        upstream = stack.enter_context(Upstream(_market()))
        settings: dict[str, Any] = {
            **upstream.environ,
            "COINGECKO_RATE_PER_MINUTE": "60000",
            "COINPAPRIKA_RATE_PER_MINUTE": "60000",
            "LOG_LEVEL": "WARNING",
        }
        yield stack.enter_context(Program(fresh_database(postgres, "load"), valkey, **settings))


def _market() -> Any:
    """The same coins all the time, at prices that move each minute of a clock that runs sixty times too fast."""
    begun = time.monotonic()
    opening = datetime.now(UTC) - timedelta(days=2)
    market = moving(MARKET_SIZE, lambda: opening + 60 * timedelta(seconds=time.monotonic() - begun))
    lock = threading.Lock()

    def now() -> Markets:
        with lock:
            return market()

    return now
