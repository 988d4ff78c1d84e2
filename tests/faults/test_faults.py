"""The fault suite in short, with a fixed seed: what `make faults` does for minutes, and the check of the checker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.postgres import Postgres
from tests.faults import report, trial
from tests.faults.run import Outcome, Plan, conduct
from tests.faults.trial import MUTANTS, Aside

pytestmark = pytest.mark.timeout(300)

SEED = 20
SECONDS = 26


@pytest.fixture(scope="module")
def ground() -> Iterator[tuple[Path, Postgres]]:
    with trial.ground() as made:
        yield made


@pytest.fixture(scope="module")
def outcome(ground: tuple[Path, Postgres]) -> Outcome:
    return conduct(Plan(SECONDS, SEED, gap=0.9), *ground)


@pytest.fixture(scope="module")
def aside(ground: tuple[Path, Postgres]) -> Aside:
    return trial.aside(SEED, *ground)


def test_whatever_strikes_nothing_is_lost_and_nothing_done_twice(outcome: Outcome) -> None:
    table = "\n".join([*report.table(outcome), *report.details(outcome)])
    assert not any(outcome.violations.values()), table


def test_faults_did_strike_and_jobs_were_done(outcome: Outcome) -> None:
    assert len(outcome.strikes) >= 10
    assert sum(job["state"] == "succeeded" for job in outcome.history.jobs.values()) >= 20
    assert any(task["known_as"] for task in outcome.history.tasks.values())


@pytest.mark.parametrize("name", MUTANTS)
def test_a_program_that_breaks_a_promise_is_caught(name: str, aside: Aside) -> None:
    outcome = aside.mutants[name]
    assert trial.is_caught(name, outcome), "\n".join(report.table(outcome))


def test_lost_work_goes_on_by_default_settings(aside: Aside) -> None:
    # The promised times are judged by `make faults`; here others use the machine too.
    assert [recovery for recovery in aside.recoveries if recovery.seconds > 2 * recovery.allowed] == []
