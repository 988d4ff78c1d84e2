"""The program with a believable market, outside of pytest: for screenshots, and to look at the pages by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from db.migrate import migrate
from local.guard import guarded
from local.lock import only_runner
from local.postgres import Postgres
from local.valkey import Valkey
from tests.browser.market import past_of
from tests.program import Program
from tests.upstream.markets import moving
from tests.upstream.server import COINPAPRIKA, Upstream

_COINS = 300
# So many have prices every ten minutes, for candles with a body; the others have hourly ones.
_CANDLES = 6


@contextmanager
def market_program(**settings: str) -> Iterator[Program]:
    """Some hundred coins of three sources with a week behind them, and jobs of every outcome."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crypto-quotes-market-")))
        folder.chmod(0o711)  # root's Postgres runs as nobody
        stack.enter_context(only_runner(folder / "lock"))
        ledger = stack.enter_context(guarded(folder / "lock"))
        upstream = stack.enter_context(Upstream(moving(_COINS, lambda: datetime.now(UTC))))
        postgres = Postgres(folder / "postgres", ledger=ledger, durable=False)
        stack.callback(postgres.stop)
        migrate(postgres.start())
        valkey = Valkey(folder / "valkey", ledger=ledger, durable=False)
        stack.callback(valkey.stop)
        wanted: dict[str, Any] = {"RETRY_BASE_DELAY": "0.05", **upstream.environ, **settings}
        program = stack.enter_context(Program(postgres.url, valkey, **wanted))
        _ingest(program, upstream)
        yield program


def _ingest(program: Program, upstream: Upstream) -> None:
    now = datetime.now(UTC)
    for name, past in (
        ("past.csv", past_of(_COINS, now, but=_CANDLES)),
        ("large-coins.csv", past_of(_CANDLES, now, every=timedelta(minutes=10))),
        ("with-mistakes.csv", "symbol,name,price\nBTC,Bitcoin,cheap\nETH,Ethereum,3100\nSOL,Solana,\n"),
    ):
        accepted = program.post("/api/v1/ingest/csv", files={"file": (name, past.encode(), "text/csv")})
        program.finished(accepted.json()["id"], seconds=120)
    upstream.behave(path=COINPAPRIKA, status=402)
    for path in (
        "/api/v1/ingest/coinpaprika?limit=50",
        f"/api/v1/ingest/all?coingecko_limit={_COINS}&coinpaprika_limit={_COINS}",
        f"/api/v1/ingest/coingecko?limit={_COINS}",
    ):
        program.finished(program.post(path).json()["id"], seconds=120)
