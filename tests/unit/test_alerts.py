"""When an alert fires, and what its message says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.alerts import Mark, Sighting, Staleness, change_of, crossings, message, went_stale

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def seen(price: str, lowest: str | None = None, highest: str | None = None) -> Sighting:
    low, high = (None if each is None else Decimal(each) for each in (lowest, highest))
    return Sighting(Decimal(price), "csv", NOON, low, high)


def fired(mark: Mark, was: bool | None, *prices: str) -> list[str]:
    return [str(each.price) for each in crossings(mark, was, [seen(price) for price in prices])[1]]


ABOVE = Mark("price_above", price=Decimal(100))
BELOW = Mark("price_below", price=Decimal(100))


def test_a_price_that_stays_above_fires_once_and_again_after_it_was_below() -> None:
    assert fired(ABOVE, False, "99", "101", "102", "101.5", "99", "103") == ["101", "103"]
    assert fired(BELOW, False, "101", "99", "98", "100.5", "97") == ["99", "97"]


def test_a_price_at_the_mark_is_not_beyond_it_and_one_by_the_last_digit_is() -> None:
    assert fired(ABOVE, False, "100", "100.000000000000000000000000000000000001") == [
        "100.000000000000000000000000000000000001"
    ]
    assert fired(BELOW, False, "100.0", "99.999999999999999999999999999999999999") == [
        "99.999999999999999999999999999999999999"
    ]


def test_what_is_beyond_the_mark_when_it_is_first_looked_at_is_no_crossing() -> None:
    assert fired(ABOVE, None, "101", "102") == []
    assert fired(ABOVE, None, "101", "99", "102") == ["102"]


def test_nothing_seen_changes_nothing() -> None:
    assert crossings(ABOVE, True, []) == (True, [])
    assert crossings(ABOVE, None, []) == (None, [])


@pytest.mark.parametrize(
    ("direction", "price", "lowest", "highest", "change"),
    [
        ("up", "105", "100", "110", "5.00"),
        ("up", "104.99999999999999999999999999999999", "100", "110", None),
        ("down", "95", "90", "100", "-5.00"),
        ("down", "106", "100", "110", None),
        ("any", "105", "100", "112", "-6.25"),
        ("any", "108", "100", "110", "8.00"),
        ("any", "1.05e-30", "1e-30", "1e-30", "5.00"),
        ("any", "5", None, None, None),
        ("up", "5", "0", "0", None),
    ],
)
def test_a_change_is_judged_exactly_against_the_lowest_and_the_highest_of_the_window(
    direction: str, price: str, lowest: str | None, highest: str | None, change: str | None
) -> None:
    mark = Mark("price_change", percent=Decimal(5), direction=direction)
    found = change_of(mark, seen(price, lowest, highest))
    assert (None if found is None else str(found)) == change


def stale(beyond: bool | None, good: list[datetime], now: datetime) -> tuple[bool | None, list[datetime]]:
    state, since = went_stale(Staleness(beyond, NOON), good, now, HOUR)
    return state.beyond, since


def test_a_source_goes_stale_once_until_it_was_fetched_again() -> None:
    assert stale(False, [], NOON + HOUR) == (False, [])
    assert stale(False, [], NOON + 2 * HOUR) == (True, [NOON + HOUR])
    assert stale(True, [], NOON + 3 * HOUR) == (True, [])
    assert stale(True, [NOON + 3 * HOUR], NOON + 3.5 * HOUR) == (False, [])
    assert stale(None, [], NOON + 2 * HOUR) == (True, [])


def test_looking_late_misses_no_time_at_which_a_source_was_stale() -> None:
    good = [NOON + 2 * HOUR, NOON + 2.5 * HOUR, NOON + 5 * HOUR]
    assert stale(False, good, NOON + 7 * HOUR) == (True, [NOON + HOUR, NOON + 3.5 * HOUR, NOON + 6 * HOUR])


def test_a_message_keeps_every_digit() -> None:
    text = message("price_above", NOON, "it is", {"price": Decimal("123456789012345678.123456789"), "at": NOON})
    assert '"price": 123456789012345678.123456789' in text
    read = json.loads(text)
    assert (read["type"], read["timestamp"]) == ("alert.price_above", "2026-03-01T12:00:00+00:00")
    assert read["data"]["message"] == "it is"
