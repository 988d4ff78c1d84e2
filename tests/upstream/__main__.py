"""`python -m tests.upstream --port 9100`, then COINGECKO_API_URL and the others as it prints them."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.upstream.markets import Markets, moving, recorded_rows
from tests.upstream.server import Upstream


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.upstream", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: one that is free")
    parser.add_argument("--size", type=int, default=2000, help="coins of the made-up market, which moves by the minute")
    parser.add_argument("--coingecko", type=Path, help="a recorded answer of /coins/markets to serve instead")
    parser.add_argument("--coinpaprika", type=Path, help="a recorded answer of /tickers to serve instead")
    chosen = parser.parse_args()
    made_up = moving(chosen.size, lambda: datetime.now(UTC))
    files = {"coingecko": chosen.coingecko, "coinpaprika": chosen.coinpaprika}
    recorded = {name: recorded_rows(file.read_text(encoding="utf-8")) for name, file in files.items() if file}

    def markets() -> Markets:
        return replace(made_up(), **recorded)

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Upstream(markets, chosen.port) as upstream:
        for name, value in upstream.environ.items():
            sys.stdout.write(f"{name}={value}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
