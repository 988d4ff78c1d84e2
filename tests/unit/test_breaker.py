"""When a source rests: never for the first failures, then ever longer, up to a limit."""

from __future__ import annotations

import pytest

from core.breaker import has_begun, rest_after
from core.models import JsonObject
from core.settings import Settings

SETTINGS = Settings.from_env({"BREAKER_FAILURES": "3", "BREAKER_REST": "10", "BREAKER_REST_MAX": "35"})


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (1, 0), (2, 0), (3, 10), (4, 20), (5, 35), (50, 35), (100_000, 35)]
)
def test_a_source_rests_longer_with_each_failure_beyond_the_limit(failures: int, seconds: float) -> None:
    assert rest_after(failures, SETTINGS) == seconds


@pytest.mark.parametrize(
    ("attempt", "waits", "cursor", "begun"),
    [(1, 0, {}, False), (2, 0, {}, True), (1, 1, {}, True), (1, 0, {"page": 2}, True)],
)
def test_only_a_fetch_that_has_asked_its_source_before_goes_on_while_it_rests(
    attempt: int, waits: int, cursor: JsonObject, begun: bool
) -> None:
    assert has_begun(attempt=attempt, waits=waits, cursor=cursor) is begun
