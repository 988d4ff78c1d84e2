"""The running program to be asked nonsense: web, worker, the providers' stand-in, data, an admin's key."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.postgres import Postgres
from local.valkey import Valkey
from tests.faults.stage import fresh_database
from tests.program import Program
from tests.upstream.markets import made_up
from tests.upstream.server import COINPAPRIKA, Upstream

KEY = "a-key-that-only-the-fuzz-knows"
# What there is to be found, and now and then asked for by its right name.
FAMILIAR: Mapping[str, Sequence[str | int]] = {
    "path.canonical_id": ("btc", "eth", "odd"),
    "path.source": ("coingecko", "coinpaprika"),
    "path.source_id": ("bitcoin", "btc-bitcoin", "solana"),
    "path.job_id": (1, 2, 3, 4),
    "path.schedule_id": (1, 2),
    "path.alert_id": (1, 2),
}
_COINS = 60
# Nobody listens there.
_NOWHERE = "http://127.0.0.1:9/"
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
            "ALERT_ALLOW_PRIVATE": "on",
            "LOG_LEVEL": "WARNING",
        }
        program = Program(fresh_database(postgres, "fuzz"), valkey, **settings)
        stack.enter_context(program)
        _fill(program, upstream)
        yield Ground(program, len(program.said))


def _fill(program: Program, upstream: Upstream) -> None:
    def post(path: str, **options: Any) -> Any:
        answer = program.post(f"/api/v1{path}", headers={"X-API-Key": KEY}, **options)
        assert answer.ok, answer.text
        return answer.json()

    jobs = [
        post("/ingest/coingecko"),
        post("/ingest/coinpaprika"),
        post("/ingest/csv", files={"file": ("coins.csv", _FILE)}),
    ]
    for job in jobs:
        program.finished(job["id"])
    # A job that failed for good, and so a dead letter.
    upstream.behave(COINPAPRIKA, status=404)
    program.finished(post("/ingest/coinpaprika")["id"])
    for name in ("one", "another"):
        post("/schedules", json={"name": name, "source": "csv", "interval": "1d"})
        alert = {"name": name, "kind": "price_above", "coin": "btc", "price": 100000, "webhook_url": _NOWHERE}
        post("/alerts", json=alert)
