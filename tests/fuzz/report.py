"""What a fuzz run found, as a table."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz.exceptions import EXCEPTIONS
from tests.fuzz.run import Outcome, Plan, grouped

_SHOWN = 600


def table(outcome: Outcome, plan: Plan) -> Iterator[str]:
    """Operations and requests, answers by status, checks with how often they ran and failed."""
    failures: dict[str, int] = {}
    for failed in outcome.failures:
        failures[failed.check] = failures.get(failed.check, 0) + 1
    yield f"seed {plan.seed}, {outcome.seconds:.0f} s"
    yield f"operations  {len(outcome.operations)} of {outcome.documented}"
    yield f"requests    {outcome.operations.total()}"
    yield f"answers     {', '.join(f'{status}: {many}' for status, many in sorted(outcome.answers.items()))}"
    yield ""
    yield f"{'check':32}{'made':>8}{'failed':>8}"
    for name in sorted(outcome.checks):
        yield f"{name:32}{outcome.checks[name]:>8}{failures.get(name, 0):>8}"
    yield ""
    for eased in EXCEPTIONS:
        yield f"{eased.check} eased for {', '.join(eased.operations)}: {eased.reason}"


def details(outcome: Outcome) -> Iterator[str]:
    """Each kind of failure once, with a request that shows it."""
    for (check, operation), failed in grouped(outcome.failures).items():
        yield f"\n{check} failed {len(failed)} times at {operation}:"
        yield from (failed[0].what[:_SHOWN], failed[0].again[:_SHOWN])
    for operation in outcome.never_good:
        yield f"\nnothing but refusals from {operation}: is the time too short?"
    for error in dict.fromkeys(outcome.errors):
        yield f"\nnot even checked: {error[:_SHOWN]}"
