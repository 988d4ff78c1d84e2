"""Reading `Prefer`."""

from __future__ import annotations

import pytest

from web.prefer import wait_of


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=30", 30),
        ("respond-async, wait=10", 10),
        ("respond-async; wait=10", 10),
        ('WAIT = "5"', 5),
        ("wait=61", 60),
        ("wait=999999999", 60),
        ("wait=3, wait=9", 3),
        ("", 0),
        ("wait", 0),
        ("wait=0", 0),
        ("wait=-1", 0),
        ("wait=1.5", 0),
        ("wait=9999999999999999", 0),
        ("waiting=5", 0),
        ("wait=soon, wait=9", 0),
    ],
)
def test_a_wait_is_understood_capped_or_passed_over(header: str, seconds: int) -> None:
    assert wait_of(header) == seconds
