"""`python -m bench [--only ingest,reads] [--rounds 3] [--large]`: measure, then print tables."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import psycopg

from bench import machine
from bench.contenders import PEERS, Bad
from bench.ground import Ground, say
from bench.options import Options
from bench.results import Findings, Row, targets
from bench.suites import during, ingest, large, latency, profile, reads, refresh, scale, smalljobs, streams

SUITES: dict[str, Callable[[Ground, Options], Findings]] = {
    "ingest": ingest.measure,
    "refresh": refresh.measure,
    "latency": latency.measure,
    "smalljobs": smalljobs.measure,
    "reads": reads.measure,
    "scale": scale.measure,
    "during": during.measure,
    "streams": streams.measure,
    "large": large.measure,
    "profile": profile.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    chosen, options = _chosen(arguments)
    if not PEERS.exists():
        say("The peers are not installed: `make bench` does that, into .venv-bench.")
        return 2
    # Whoever ends us by SIGTERM wants everything that we started ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows: list[Row] = []
    failed = []
    with Ground() as ground:
        _print(f"## {datetime.now(UTC):%Y-%m-%d}, {options.rounds} rounds")
        _print("\n".join(f"- {fact}" for fact in machine.facts(ground.server)))
        for name in chosen:
            try:
                found = SUITES[name](ground, options)
            except (Bad, AssertionError, OSError, psycopg.Error) as error:
                # The others' figures are still worth having.
                failed.append(name)
                say(f"{name} could not be measured: {_short(error)}")
                continue
            rows += found.rows
            _print(found.text())
    _print("### Targets")
    _print(targets(rows))
    if failed:
        _print(f"Not measured: {', '.join(failed)}.")
    return 1 if failed else 0


def _short(error: Exception) -> str:
    return "\n".join([*str(error).splitlines()[:3], "…", *str(error).splitlines()[3:][-12:]])


def _print(text: str) -> None:
    sys.stdout.write(text + "\n\n")
    sys.stdout.flush()


def _chosen(arguments: Sequence[str] | None) -> tuple[list[str], Options]:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", default="", help=f"some of {','.join(SUITES)}")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured, in turns (3)")
    parser.add_argument("--large", action="store_true", help="10,000,000 rows too, which takes long")
    told = parser.parse_args(arguments)
    chosen = [name.strip() for name in told.only.split(",") if name.strip()] or list(SUITES)
    if unknown := [name for name in chosen if name not in SUITES]:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(SUITES)}")
    if told.rounds < 1:
        parser.error("--rounds must be 1 or more")
    return chosen, Options(told.rounds, told.large)


if __name__ == "__main__":
    sys.exit(main())
