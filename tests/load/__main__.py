"""`python -m tests.load`: mixed traffic on the running program; errors, latencies and memory. `make load` runs it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from bench.figures import percentile
from tests.faults import trial
from tests.load.run import Outcome, loaded

_MB = 1024 * 1024
_SHOWN = 10


def table(outcome: Outcome) -> Iterator[str]:
    """As Markdown: a line for each kind of request, one for all, and one for the memory of each part."""
    log = outcome.log
    yield "| request | answers | errors | p50 ms | p99 ms |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for kind in sorted(log.seconds):
        yield _line(kind, log.seconds[kind], log.errors[kind])
    everything = [seconds for each in log.seconds.values() for seconds in each]
    yield _line("all", everything, log.errors.total())
    yield ""
    yield "| memory (PSS) | first quarter MB | last quarter MB |"
    yield "| --- | ---: | ---: |"
    for name, (first, last) in outcome.memory.items():
        yield f"| {name} | {first / _MB:.1f} | {last / _MB:.1f} |"
    yield ""
    rate = len(everything) / outcome.seconds
    yield f"{outcome.seconds:.0f} s, {rate:.0f} requests a second, memory {'flat' if outcome.is_flat else 'GROWN'}"


def _line(kind: str, seconds: list[float], errors: int) -> str:
    p50, p99 = (1000 * percentile(seconds, share) for share in (0.5, 0.99))
    return f"| {kind} | {len(seconds)} | {errors} | {p50:.1f} | {p99:.1f} |"


def main(arguments: list[str]) -> int:
    """The exit code: 0 when there was no error and no part held more memory at the end."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="how long, a fifth of it to warm up")
    chosen = parser.parse_args(arguments)
    with trial.ground() as (folder, postgres):
        outcome = loaded(folder, postgres, chosen.minutes)
    print(*table(outcome), *outcome.log.complaints[:_SHOWN], sep="\n", flush=True)  # noqa: T201
    return 0 if outcome.is_well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
