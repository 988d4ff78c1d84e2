from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.figures import FARTHEST_EXPONENT, MOST_DIGITS, decimal_of, moment_of, rank_of

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["1.223e-09", "0.1", "123456789012345678.123456789", "-0.5", "+7", ".5", "5.", "1E+5", "2.13049E+11", "0", "0.000"],
)
def test_a_figure_has_the_digits_of_its_text(text: str) -> None:
    figure = decimal_of(f" {text}\t")
    assert figure is not None
    assert figure.as_tuple() == Decimal(text).as_tuple()


@pytest.mark.parametrize("value", [None, "", "  ", "\t\n", "\u00a0"])
def test_null_and_blank_are_unknown(value: object) -> None:
    assert decimal_of(value) is None


@pytest.mark.parametrize(
    "value",
    [True, False, 0.1, float("nan"), [], {}, b"1", "abc", "1,000", "$5", "5%", "1_0", "0x10", "٣", "１", "1e", "--5",
     "1 2", "1\x00", "NaN", "inf", "-Infinity", "sNaN12", Decimal("NaN"), Decimal("Infinity"), "1e61", "1e-61",
     "1e999999999", "1e9999999999", "0e-999", 10**61, -(10**5000), "9" * 5000, "1." + "1" * 80, Decimal("1e99")],
    ids=lambda value: str(value)[:12] if not isinstance(value, int) else "whole",
)  # fmt: skip
def test_what_is_no_figure_is_refused_with_a_short_reason(value: object) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) ") as refusal:
        decimal_of(value)
    assert len(str(refusal.value)) < 100


def test_the_bounds_themselves_are_figures() -> None:
    assert decimal_of("9" * 61) == Decimal("9" * 61)
    assert decimal_of("1e-60") == Decimal("1e-60")
    assert decimal_of("1." + "1" * 79) == Decimal("1." + "1" * 79)
    assert decimal_of(10**60) == Decimal(10) ** 60


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_is_itself_or_refused_by_the_stated_bounds(figure: Decimal) -> None:
    sane = abs(figure.adjusted()) <= FARTHEST_EXPONENT and len(figure.as_tuple().digits) <= MOST_DIGITS
    for value in (figure, str(figure)):
        if sane:
            read = decimal_of(value)
            assert read is not None
            assert read.as_tuple() == figure.as_tuple()
        else:
            with pytest.raises(ValueError, match=r"^(is|has) "):
                decimal_of(value)


@settings(deadline=None)
@given(st.integers(-(10**60), 10**60))
def test_whole_numbers_are_exact(whole: int) -> None:
    assert decimal_of(whole) == whole


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_a_sane_figure_or_unknown_or_refused(text: str) -> None:
    try:
        figure = decimal_of(text)
    except ValueError:
        return
    if figure is None:
        assert not text.strip()
    else:
        assert figure == Decimal(text)
        assert figure.is_finite()


@pytest.mark.parametrize(
    ("value", "rank"),
    [("1", 1), (Decimal("2541"), 2541), (Decimal("3.0"), 3), (None, None), (Decimal(0), None), (Decimal(-1), None),
     ("1.5", None), (Decimal(2**31 - 1), 2**31 - 1), (Decimal(2**31), None)],
)  # fmt: skip
def test_a_rank_is_a_whole_number_from_one_or_unknown(value: object, rank: int | None) -> None:
    assert rank_of(value) == rank


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2022-02-23T11:23:11.426Z", datetime(2022, 2, 23, 11, 23, 11, 426000, UTC)),
        ("2019-09-06T12:40:34Z", datetime(2019, 9, 6, 12, 40, 34, tzinfo=UTC)),
        (" 2019-09-06 12:40 ", datetime(2019, 9, 6, 12, 40, tzinfo=UTC)),
        ("2019-09-06T12:40:34+02:00", datetime(2019, 9, 6, 10, 40, 34, tzinfo=UTC)),
        ("2019-09-06T12:40:34.123456789+0230", datetime(2019, 9, 6, 10, 10, 34, 123456, UTC)),
        ("2019-09-06", datetime(2019, 9, 6, tzinfo=UTC)),
        ("2025-06-02T12:00:00Z", NOW + timedelta(days=1)),
    ],
)
def test_a_time_is_read_as_utc(text: str, moment: datetime) -> None:
    assert moment_of(text, NOW) == moment


@pytest.mark.parametrize(
    "value",
    [None, "", 1567773634, True, "yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1970-01-01",
     "2019-13-01", "2019-02-30T00:00Z", "2019-09-06T25:00Z", "2025-06-02T12:00:01Z", "20190906", "2019-W36-5",
     "２019-09-06"],
)  # fmt: skip
def test_no_time_and_an_impossible_one_are_unknown(value: object) -> None:
    assert moment_of(value, NOW) is None


@settings(deadline=None)
@given(
    st.datetimes(datetime(2009, 1, 5), datetime(2025, 5, 30)),
    st.timedeltas(timedelta(hours=-14), timedelta(hours=14)),
)
def test_a_time_survives_any_zone(local: datetime, offset: timedelta) -> None:
    zoned = local.replace(tzinfo=timezone(timedelta(minutes=offset // timedelta(minutes=1))))
    read = moment_of(zoned.isoformat(), NOW)
    assert read == zoned
    assert read is not None
    assert read.tzinfo is UTC
