"""schemathesis over the whole OpenAPI document with every check that it has, and what came of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, hook
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import Interaction
from schemathesis.hooks import unregister
from schemathesis.schemas import BaseSchema

from tests.fuzz.exceptions import EVERYWHERE, EXCEPTIONS, SELDOM_GOOD
from tests.fuzz.ground import FAMILIAR, KEY, Ground

# It empties the tables, so it comes last.
_CLEARING = "delete_data"
_CLEARING_SECONDS = 15
_SHOWN_BYTES = 400
_KEY_HEADER = "Idempotency-Key"
_KEY_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, from which seed, and how many random requests an operation gets in a round at most."""

    seconds: int
    seed: int
    examples: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A check that an answer failed, and how to see it again."""

    operation: str
    check: str
    what: str
    again: str


@dataclass
class Outcome:
    """What was asked, what was checked, and what failed. `errors` are those of schemathesis itself."""

    operations: Counter[str] = field(default_factory=Counter)
    answers: Counter[int] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    failures: list[Failed] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    good: set[str] = field(default_factory=set)
    documented: int = 0
    seconds: float = 0

    @property
    def is_well(self) -> bool:
        """Whether no check failed, nothing broke, and each operation of the document was asked."""
        return not (self.failures or self.errors) and len(self.operations) == self.documented

    @property
    def never_good(self) -> list[str]:
        """Operations that had nothing but refusals to say, where that is no accident."""
        return sorted(self.operations.keys() - self.good - SELDOM_GOOD.keys())


def every_check() -> list[str]:
    """The names of all checks that this schemathesis has."""
    load_all_checks()
    return sorted(CHECKS.get_all_names())


def fuzz(ground: Ground, plan: Plan) -> Outcome:
    """Ask every operation valid and invalid things until time or ideas run out, then the one that clears the data."""
    outcome = Outcome()
    begun = time.monotonic()
    schema = _schema(ground, plan.seconds - _CLEARING_SECONDS, plan)
    outcome.documented = sum(1 for _ in schema.get_all_operations())
    with _own_keys():
        _judge(schema.exclude(operation_id=_CLEARING), outcome)
        _judge(_schema(ground, _CLEARING_SECONDS, plan).include(operation_id=_CLEARING), outcome)
    outcome.seconds = time.monotonic() - begun
    outcome.errors += ground.broken
    return outcome


def configuration(seconds: int, plan: Plan) -> Mapping[str, object]:
    """What a schemathesis.toml would say."""
    return {
        "seed": plan.seed,
        "max-time": seconds,
        "continue-on-failure": True,
        "request-timeout": 30,
        # A stream has no end.
        "max-stream-events": 2,
        # The key is good for this run only.
        "output": {"sanitization": {"enabled": False}},
        "parameters": {name: {"dictionary": name, "probability": 0.4} for name in FAMILIAR},
        "auth": {"openapi": {"bearer": {"bearer": KEY}}},
        "dictionaries": {name: {"values": list(values)} for name, values in FAMILIAR.items()},
        "generation": {
            "max-examples": plan.examples,
            "no-shrink": True,
            "database": "none",
        },
        "phases": {"stateful": {"generation": {"max-examples": plan.examples}}},
        "checks": {**{name: {"enabled": True} for name in every_check()}, **EVERYWHERE},
        "operations": [
            {"include-operation-id": list(eased.operations), "checks": {eased.check: dict(eased.settings)}}
            for eased in EXCEPTIONS
        ],
    }


def _schema(ground: Ground, seconds: int, plan: Plan) -> BaseSchema:
    return schemathesis.openapi.from_url(
        f"{ground.program.url}/openapi.json",
        config=SchemathesisConfig.from_dict(dict(configuration(seconds, plan))),
    )


@contextmanager
def _own_keys() -> Iterator[None]:
    """Gives a second request with the same Idempotency-Key a key of its own: as a rule it is another request."""
    seen: set[str] = set()

    def before_call(_context: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
        key = case.headers.get(_KEY_HEADER) if case.headers else None
        # On its way it loses the blanks around it.
        if isinstance(key, str) and key.strip() in seen:
            case.headers[_KEY_HEADER] = key = f"{key.strip()[:_KEY_LENGTH]}-{len(seen)}"
        seen.add(str(key).strip())

    hook("before_call")(before_call)
    try:
        yield
    finally:
        unregister(before_call)


def _judge(schema: BaseSchema, outcome: Outcome) -> None:
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _count(event, outcome)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            outcome.errors.append(str(getattr(event, "value", None) or getattr(event, "exception", event)))


def _count(event: events.ScenarioFinished, outcome: Outcome) -> None:
    recorder = event.recorder
    for case_id, interaction in recorder.interactions.items():
        operation = recorder.cases[case_id].value.operation.label
        outcome.operations[operation] += 1
        if interaction.response:
            outcome.answers[interaction.response.status_code] += 1
            if interaction.response.status_code < HTTPStatus.BAD_REQUEST:
                outcome.good.add(operation)
    for case_id, checks in recorder.checks.items():
        operation = recorder.cases[case_id].value.operation.label
        for check in checks:
            outcome.checks[check.name] += 1
            if check.status == Status.FAILURE and (info := check.failure_info):
                what = f"{info.failure.title}: {info.failure.message}\n{_answer(recorder.interactions.get(case_id))}"
                outcome.failures.append(Failed(operation, check.name, what, info.code_sample))


def _answer(interaction: Interaction | None) -> str:
    if interaction is None or interaction.response is None:
        return "no answer"
    answer = interaction.response
    return f"{answer.status_code} {answer.content[:_SHOWN_BYTES].decode(errors='replace')}"


def grouped(failures: Sequence[Failed]) -> Mapping[tuple[str, str], list[Failed]]:
    """By check and operation."""
    found: dict[tuple[str, str], list[Failed]] = {}
    for failed in failures:
        found.setdefault((failed.check, failed.operation), []).append(failed)
    return found
