"""Times as files write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.sources.csvfile.times import DAY_FIRST, MONTH_FIRST, NO_ORDER, moment, order_of
from tests.unit.csv_reading import only, read, reasons, table

NOW = datetime(2026, 2, 22, tzinfo=UTC)
TIMED = "symbol,price,last_updated"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-07-02T01:24:35.167Z", datetime(2021, 7, 2, 1, 24, 35, 167000, UTC)),
        ("2021-07-02 01:24:35", datetime(2021, 7, 2, 1, 24, 35, 0, UTC)),
        ("2021-07-02T03:24:35+02:00", datetime(2021, 7, 2, 1, 24, 35, 0, UTC)),
        ("2021-07-02 01:24:35 UTC", datetime(2021, 7, 2, 1, 24, 35, 0, UTC)),
        ("2021-07-02", datetime(2021, 7, 2, tzinfo=UTC)),
        ("2021/07/02 01:24", datetime(2021, 7, 2, 1, 24, 0, 0, UTC)),
        ("1512549554", datetime(2017, 12, 6, 8, 39, 14, 0, UTC)),
        ("1512549554.0", datetime(2017, 12, 6, 8, 39, 14, 0, UTC)),
        ("1512549554.25", datetime(2017, 12, 6, 8, 39, 14, 250000, UTC)),
        ("1512549554123", datetime(2017, 12, 6, 8, 39, 14, 123000, UTC)),
        ("1512549554123456", datetime(2017, 12, 6, 8, 39, 14, 123456, UTC)),
        ("1512549554123456789", datetime(2017, 12, 6, 8, 39, 14, 123456, UTC)),
        ("20210702", datetime(2021, 7, 2, tzinfo=UTC)),
        ("202107020124", datetime(2021, 7, 2, 1, 24, 0, 0, UTC)),
        ("20210702012435", datetime(2021, 7, 2, 1, 24, 35, 0, UTC)),
        ("20210702T012435Z", datetime(2021, 7, 2, 1, 24, 35, 0, UTC)),
        ("2.7.2021", datetime(2021, 7, 2, tzinfo=UTC)),
        ("02.07.2021 01:24", datetime(2021, 7, 2, 1, 24, 0, 0, UTC)),
        ("7/7/2021", datetime(2021, 7, 7, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_utc(text: str, expected: datetime) -> None:
    assert moment(f" {text} ", NO_ORDER, NOW) == expected


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("2/7/2021", DAY_FIRST, datetime(2021, 7, 2, tzinfo=UTC)),
        ("2/7/2021", MONTH_FIRST, datetime(2021, 2, 7, tzinfo=UTC)),
        ("2/7/2021 8:05 PM", MONTH_FIRST, datetime(2021, 2, 7, 20, 5, tzinfo=UTC)),
        ("2/7/2021 12:05 am", MONTH_FIRST, datetime(2021, 2, 7, 0, 5, tzinfo=UTC)),
        ("2-7-2021, 8:05:09", DAY_FIRST, datetime(2021, 7, 2, 8, 5, 9, tzinfo=UTC)),
    ],
)
def test_a_written_date_is_read_in_the_order_of_its_column(text: str, order: str, expected: datetime) -> None:
    assert moment(text, order, NOW) == expected


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["2/7/2021", "13/7/2021"], DAY_FIRST),
        (["2/7/2021", "7/13/2021"], MONTH_FIRST),
        (["2/7/2021"], NO_ORDER),
        (["13/7/2021", "7/13/2021"], NO_ORDER),
        (["2.7.2021"], DAY_FIRST),
        (["2021-07-02", ""], NO_ORDER),
    ],
)
def test_a_number_over_twelve_shows_the_order(texts: list[str], order: str) -> None:
    assert order_of(texts) == order


@pytest.mark.parametrize("text", ["", " ", "-", "N/A", "0", "0.0", "NaT"])
def test_no_time_is_no_time(text: str) -> None:
    assert moment(text, NO_ORDER, NOW) is None


@pytest.mark.parametrize(
    "text",
    [
        "yesterday", "2021-13-01", "2021-02-30", "12:00", "1.51255E+09", "1970-01-02", "99999999999999", "2026-02-24",
        "9999999999", "31/2/2021", "151254955", "2021-07-02T25:00", "7/7/2021 99:99", "٢٠٢١-٠٧-٠٢",
    ],
)  # fmt: skip
def test_what_is_no_time_or_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        moment(text, DAY_FIRST, NOW)


def test_a_date_that_could_be_two_days_is_refused() -> None:
    with pytest.raises(ValueError, match="is ambiguous"):
        moment("2/7/2021", NO_ORDER, NOW)


def test_a_row_with_a_time_that_cannot_be_read_is_rejected() -> None:
    parsed = read(table("A,1,2021-07-02", "B,1,soon", "C,1,2999-01-01", "D,1,", header=TIMED))
    assert [(quote.symbol, quote.observed_at is None) for quote in parsed.quotes] == [("A", False), ("D", True)]
    assert [row for row, _ in reasons(parsed)] == [3, 4]


def test_a_column_without_any_time_in_it_is_passed_over_and_said_so() -> None:
    parsed = read(table("A,1,5 minutes ago", "B,1,6 minutes ago", "C,1,now", header="symbol,price,updated"))
    assert [quote.observed_at for quote in parsed.quotes] == [None] * 3
    assert parsed.notes["passed_over"] == {"updated": "can't be read as observed_at: '5 minutes ago'"}


def test_a_file_without_times_gives_none() -> None:
    assert only(table("BTC,1", header="symbol,price")).observed_at is None
