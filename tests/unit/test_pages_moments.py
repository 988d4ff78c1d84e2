"""Times as people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from web.pages import moments

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "now"),
        (1, "now"),
        (2, "2 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (86_399, "23 h ago"),
        (86_400, "1 d ago"),
        (40 * 86_400, "40 d ago"),
        (-90, "in 1 min"),
    ],
)
def test_how_long_ago_is_said_in_the_largest_unit(seconds: int, said: str) -> None:
    assert moments.ago(NOW - timedelta(seconds=seconds), NOW) == said


def test_a_time_comes_as_postgres_writes_it_into_json() -> None:
    assert moments.ago("2026-03-01T11:59:00+00:00", NOW) == "1 min ago"
    assert moments.written("2026-03-01T13:00:05.5+01:00") == "2026-03-01 12:00:05 UTC"


def test_what_never_was_has_no_time() -> None:
    assert moments.ago(None) == "never"
    assert moments.written(None) == ""
