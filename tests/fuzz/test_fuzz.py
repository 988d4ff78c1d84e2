"""The fuzz in short, with a fixed seed: what `make fuzz` does for as long as one likes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import trial
from tests.fuzz import report
from tests.fuzz.exceptions import EXCEPTIONS
from tests.fuzz.ground import Ground, fuzzed
from tests.fuzz.run import Outcome, Plan, every_check, fuzz

pytestmark = pytest.mark.timeout(300)

PLAN = Plan(seconds=75, seed=20, examples=4)


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with trial.ground() as (folder, postgres), fuzzed(folder, postgres) as made:
        yield made


@pytest.fixture(scope="module")
def outcome(ground: Ground) -> Outcome:
    return fuzz(ground, PLAN)


def test_whatever_is_asked_the_answer_is_one_that_the_document_promises(outcome: Outcome) -> None:
    assert outcome.is_well, "\n".join([*report.table(outcome, PLAN), *report.details(outcome)])


def test_every_check_was_made(outcome: Outcome) -> None:
    assert sorted(outcome.checks) == every_check()


def test_a_check_is_eased_only_for_operations_that_there_are(ground: Ground) -> None:
    paths = ground.program.get("/openapi.json").json()["paths"]
    operations = [each for path in paths.values() for each in path.values() if isinstance(each, dict)]
    known = {operation["operationId"] for operation in operations}
    assert {operation for eased in EXCEPTIONS for operation in eased.operations} <= known
