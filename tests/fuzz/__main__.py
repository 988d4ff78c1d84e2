"""`python -m tests.fuzz`: the running program asked everything its OpenAPI document allows and forbids."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.faults import trial
from tests.fuzz import report
from tests.fuzz.ground import fuzzed
from tests.fuzz.run import Plan, fuzz

# Beyond any time that is given, so that time is what ends it.
_MANY = 100_000


def main(arguments: list[str]) -> int:
    """The exit code: 0 when no check failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=120, help="how long to ask")
    parser.add_argument("--seed", type=int, default=1, help="what decides which requests")
    parser.add_argument("--examples", type=int, default=_MANY, help="random requests an operation at most")
    parser.add_argument("--log", type=Path, help="a file for what the program said")
    chosen = parser.parse_args(arguments)
    plan = Plan(chosen.seconds, chosen.seed, chosen.examples)
    with trial.ground() as (folder, postgres), fuzzed(folder, postgres) as ground:
        outcome = fuzz(ground, plan)
        if chosen.log:
            chosen.log.write_text(ground.program.said)
    print(*report.table(outcome, plan), *report.details(outcome), sep="\n", flush=True)  # noqa: T201
    return 0 if outcome.is_well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
