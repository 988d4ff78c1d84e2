"""When slots begin, and what is said of an interval or a cron expression that can't be right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.slots import BadSchedule, Slots, checked_cron, interval_of, interval_text

# A Sunday.
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "moment", "following"),
    [
        (300.0, "2026-03-01 12:00:05", "2026-03-01 12:05"),
        (300.0, "2026-03-01 12:04:59.999999", "2026-03-01 12:05"),
        # A slot that has just begun is not the one to come.
        (300.0, "2026-03-01 12:05", "2026-03-01 12:10"),
        (86_400.0, "2026-03-01 23:59:59", "2026-03-02 00:00"),
        (7_200.0, "2026-03-01 23:00", "2026-03-02 00:00"),
    ],
)
def test_slots_of_an_interval_are_counted_from_1970(every: float, moment: str, following: str) -> None:
    assert Slots(every=every).after(at(moment)) == at(following)


@pytest.mark.parametrize(
    ("cron", "following"),
    [
        ("* * * * *", "2026-03-01 12:01"),
        ("*/5 * * * *", "2026-03-01 12:05"),
        ("0 12 * * *", "2026-03-02 12:00"),
        ("30 6 * * MON-FRI", "2026-03-02 06:30"),
        ("0 0 L * *", "2026-03-31 00:00"),
        ("15,45 9-17/4 * * *", "2026-03-01 13:15"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        ("0 0 * * 5#2", "2026-03-13 00:00"),
    ],
)
def test_slots_of_a_cron_expression_are_in_utc_whatever_zone_the_clock_has(cron: str, following: str) -> None:
    assert Slots(cron=cron).after(NOON) == at(following)
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-7)))
    assert Slots(cron=cron).after(elsewhere) == at(following)


@given(MOMENTS, st.integers(10, 366 * 86_400))
def test_the_slot_to_come_begins_within_one_interval_and_at_the_end_of_the_running_one(
    moment: datetime, every: int
) -> None:
    slots = Slots(every=float(every))
    following = slots.after(moment)
    assert timedelta(0) < following - moment <= timedelta(seconds=every)
    assert slots.number(following) == slots.number(moment) + 1


@pytest.mark.parametrize(("text", "seconds"), [("10s", 10), ("90s", 90), ("5m", 300), ("2h", 7200), ("7d", 604_800)])
def test_an_interval_is_a_number_and_a_unit_and_comes_back_the_same(text: str, seconds: float) -> None:
    assert interval_of(text) == seconds
    assert interval_text(seconds) == text


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "1.5h", "-5m", "9s", "400d", "5w", "٥m", "99999999999s"])
def test_any_other_interval_is_refused(text: str) -> None:
    with pytest.raises(BadSchedule, match="must be"):
        interval_of(text)


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("61 * * * *", "minute can't be 61: a number from 0 to 59"),
        ("0 25 * * *", "hour can't be 25: a number from 0 to 23"),
        ("0 0 0 * *", "day-of-month can't be 0: a number from 1 to 31"),
        ("0 0 * FEBRUARY *", "month can't be FEBRUARY: a number from 1 to 12, or JAN to DEC"),
        ("0 0 * * 8", "day-of-week can't be 8: a number from 0 to 7, or SUN to SAT"),
        ("*/0 * * * *", "minute can't be */0"),
        ("5-1 * * * *", "minute can't be 5-1"),
        ("0 0 30 2 *", "day-of-month 30 never comes in month 2"),
        ("0 0 31 4,6 *", "day-of-month 31 never comes in month 4,6"),
        ("* * * *", "must have 5 fields (minute, hour, day-of-month, month, day-of-week)"),
        ("0 * * * * *", "it has 6"),
        ("@daily", "it has 1"),
    ],
)
def test_a_cron_expression_that_is_wrong_is_told_where(cron: str, said: str) -> None:
    with pytest.raises(BadSchedule) as refused:
        checked_cron(cron, NOON)
    assert said in str(refused.value)


def test_blanks_between_the_fields_don_t_matter() -> None:
    assert checked_cron("  30\t6 *  * mon-fri ", NOON) == "30 6 * * mon-fri"


_PARTS = st.text("0123456789*/,-#LW", min_size=1, max_size=8)


@given(st.lists(_PARTS | st.sampled_from(["*", "0", "MON", "FEB"]), min_size=5, max_size=5), MOMENTS)
def test_whatever_is_sent_is_either_refused_in_words_or_has_a_slot_to_come(parts: list[str], moment: datetime) -> None:
    try:
        cron = checked_cron(" ".join(parts), moment)
    except BadSchedule as error:
        assert str(error)
    else:
        assert Slots(cron=cron).after(moment) > moment
