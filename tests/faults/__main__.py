"""`python -m tests.faults`: faults injected into the running program, and its history judged. `make faults` runs it."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tests.faults import report, trial
from tests.faults.run import Plan, conduct


def _say(lines: Iterable[str]) -> None:
    print(*lines, sep="\n", flush=True)  # noqa: T201


def main(arguments: list[str]) -> int:
    """The exit code: 0 when nothing was violated, every mutant was caught, and every recovery kept its promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="how long faults strike")
    parser.add_argument("--seed", type=int, default=1, help="what decides which, when and on what load")
    parser.add_argument("--mutant", choices=sorted(trial.MUTANTS), help="run this wrong program alone")
    parser.add_argument("--log", type=Path, help="a file for what the program said")
    chosen = parser.parse_args(arguments)
    # The suite rings bells itself, at times for a Redis that it has just filled.
    logging.getLogger("workers").setLevel(logging.ERROR)
    with trial.ground() as (folder, postgres):
        if chosen.mutant:
            plan = replace(trial.MUTANTS[chosen.mutant].plan, seed=chosen.seed)
            outcome = conduct(plan, folder, postgres)
            well = trial.is_caught(chosen.mutant, outcome)
        else:
            outcome = conduct(Plan(chosen.seconds, chosen.seed), folder, postgres)
            well = not any(outcome.violations.values())
        if chosen.log:
            chosen.log.write_text(outcome.said)
        _say([*report.table(outcome), *report.details(outcome)])
        if not chosen.mutant:
            aside = trial.aside(chosen.seed, folder, postgres)
            _say(report.asides(aside))
            well = well and report.all_well(aside)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
