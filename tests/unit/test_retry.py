"""When a failed task runs again, as a table."""

from __future__ import annotations

import pytest

from core.errors import RateLimited, Retry
from core.retry import MOST_WAITS, Wait, next_wait
from core.settings import Settings

SETTINGS = Settings.from_env({})
OBEYED = 15 * 60


def again(error: Exception, attempt: int, waits: int = 0, settings: Settings = SETTINGS) -> Wait | None:
    return next_wait(error, attempt=attempt, max_attempts=4, waits=waits, settings=settings)


@pytest.mark.parametrize(
    ("error", "attempt", "waits", "expected"),
    [
        (Retry("reset"), 1, 0, Wait(2)),
        (Retry("reset"), 2, 0, Wait(4)),
        (Retry("reset"), 3, 0, Wait(8)),
        (Retry("reset"), 4, 0, None),
        (RuntimeError("a bug of ours"), 1, 0, Wait(2)),
        (RateLimited("slow down", None), 1, 0, Wait(2)),
        (RateLimited("slow down", None), 4, 0, None),
        (RateLimited("slow down", 119), 4, 0, Wait(119, asked_for=True)),
        (RateLimited("slow down", 0.2), 1, 0, Wait(1, asked_for=True)),
        (RateLimited("slow down", 31_536_000), 1, 0, Wait(OBEYED, asked_for=True)),
        (RateLimited("slow down", 119), 1, MOST_WAITS, Wait(2)),
        (RateLimited("slow down", 119), 4, MOST_WAITS, None),
    ],
)
def test_what_comes_next(error: Exception, attempt: int, waits: int, expected: Wait | None) -> None:
    assert again(error, attempt, waits) == expected


def test_waits_double_up_to_the_longest() -> None:
    settings = Settings.from_env({"RETRY_MAX": "9", "RETRY_BASE_DELAY": "10", "RETRY_MAX_DELAY": "60"})
    waits = [next_wait(Retry("x"), attempt=n, max_attempts=10, waits=0, settings=settings) for n in range(1, 6)]
    assert [wait and wait.seconds for wait in waits] == [10, 20, 40, 60, 60]
