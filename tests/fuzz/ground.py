"""The running program to be asked nonsense: web, worker, the providers' stand-in, data, an admin's key."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.postgres import Postgres
from local.valkey import Valkey
from tests.faults.stage import fresh_database
from tests.program import Program
from tests.upstream.markets import made_up
from tests.upstream.server import Upstream

KEY = "a-key-that-only-the-fuzz-knows"
_COINS = 60
_FILE = b"symbol,name,price,market_cap\nBTC,Bitcoin,64000.5,1260000000000\nODD,Odd One,a lot,1\n"


@dataclass(frozen=True)
class Ground:
    """A program with data. What it says while it is fuzzed begins at `said_before`."""

    program: Program
    said_before: int

    @property
    def broken(self) -> list[str]:
        """The first line of every traceback that web or worker have written since the data were there."""
        return [line for line in self.program.said[self.said_before :].splitlines() if "Traceback" in line]


@contextmanager
def fuzzed(folder: Path, postgres: Postgres) -> Iterator[Ground]:
    """Start the program on a fresh database of a running server and give it coins, jobs, rejects and a dead letter."""
    with ExitStack() as stack:
        valkey = Valkey(folder / f"valkey-{uuid.uuid4().hex[:8]}", durable=False)
        stack.callback(valkey.stop)
        upstream = stack.enter_context(Upstream(made_up(_COINS)))
        settings: dict[str, Any] = {
            **upstream.environ,
            "API_KEYS": f"fuzz:admin:{KEY}",
            "COINGECKO_RATE_PER_MINUTE": "6000",
            "COINPAPRIKA_RATE_PER_MINUTE": "6000",
            "LOG_LEVEL": "WARNING",
        }
        program = Program(fresh_database(postgres, "fuzz"), valkey, **settings)
        stack.enter_context(program)
        _fill(program, upstream)
        yield Ground(program, len(program.said))


def _fill(program: Program, upstream: Upstream) -> None:
    key = {"X-API-Key": KEY}
    ingest = "/api/v1/ingest"
    jobs = [
        program.post(f"{ingest}/all", headers=key).json()["id"],
        program.post(f"{ingest}/csv", headers=key, files={"file": ("coins.csv", _FILE)}).json()["id"],
    ]
    for job in jobs:
        program.finished(job)
    # A job that failed for good, and so a dead letter.
    upstream.behave("/tickers", "answer", status=404)
    program.finished(program.post(f"{ingest}/coinpaprika", headers=key).json()["id"])
