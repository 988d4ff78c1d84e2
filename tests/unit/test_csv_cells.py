"""Figures as people write them, each with what must come of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.sources.csvfile.cells import Sort, figure
from core.sources.csvfile.marks import Mark

MONEY, PERCENT, SUPPLY, COUNT = Sort.MONEY, Sort.PERCENT, Sort.SUPPLY, Sort.COUNT


@pytest.mark.parametrize(
    ("text", "sort", "expected"),
    [
        ("1.223e-09", MONEY, "1.223e-09"),
        ("0.1", MONEY, "0.1"),
        ("123456789012345678.123456789", MONEY, "123456789012345678.123456789"),
        ("2.1E+11", MONEY, "2.1E+11"),
        ("$1,234.50", MONEY, "1234.50"),
        (" $ 6.4e-07 ", MONEY, "6.4e-07"),
        ("US$7", MONEY, "7"),
        ("7 USD", MONEY, "7"),
        ("USD 1,234,567", MONEY, "1234567"),
        ("+5", MONEY, "5"),
        ("-$5", MONEY, "-5"),
        ("$-5", MONEY, "-5"),
        ("−5", MONEY, "-5"),
        ("($1,234.50)", MONEY, "-1234.50"),
        (".5", MONEY, "0.5"),
        ("5.", MONEY, "5"),
        ("1.334T", MONEY, "1334000000000"),
        ("$32.9B", MONEY, "32900000000"),
        ("19.7M", MONEY, "19700000"),
        ("541.43K", MONEY, "541430"),
        ("$1.2 billion", MONEY, "1200000000"),
        ("1,234.5 M", MONEY, "1234500000"),
        ("12,34,567.89", MONEY, "1234567.89"),
        ("1 234 567.89", MONEY, "1234567.89"),
        ("1'234'567.89", MONEY, "1234567.89"),
        ("1\u202f234\u00a0567", MONEY, "1234567"),
        ("123456789012345678901234567890.5K", MONEY, "123456789012345678901234567890500"),
        ("+2.01%", PERCENT, "2.01"),
        ("-97.5 %", PERCENT, "-97.5"),
        ("1,234.5%", PERCENT, "1234.5"),
        ("0.32", PERCENT, "0.32"),
        ("18,769,587 BTC", SUPPLY, "18769587"),
        ("38,532,538,149*", SUPPLY, "38532538149"),
        ("38,532,538,149 *", SUPPLY, "38532538149"),
        ("19.7M BTC", SUPPLY, "19700000"),
        ("961 $PAC", SUPPLY, "961"),
        ("#7", COUNT, "7"),
        ("7.0", COUNT, "7.0"),
    ],
)
def test_a_figure_is_read_digit_for_digit(text: str, sort: Sort, expected: str) -> None:
    value, other_money = figure(text, Mark.POINT, sort)
    assert value == Decimal(expected)
    assert not other_money


@pytest.mark.parametrize(
    "text",
    ["", " ", "?", "??", "-", "--", "—", "N/A", "n/a", "#N/A", "NaN", "null", "None", "?*", "$?", "-%", "Low Vol", "∞"],
)
@pytest.mark.parametrize("sort", Sort)
def test_what_people_write_for_unknown_is_unknown(text: str, sort: Sort) -> None:
    assert figure(text, Mark.POINT, sort) == (None, False)


@pytest.mark.parametrize("text", ["€5", "5 EUR", "£5", "¥5", "₹5", "₿5", "A$5", "5 USDT", "0.5 BTC", "eth 5"])
def test_other_money_is_read_and_said_to_be_other_money(text: str) -> None:
    value, other_money = figure(text, Mark.POINT, MONEY)
    assert value in (Decimal(5), Decimal("0.5"))
    assert other_money


@pytest.mark.parametrize(
    ("text", "sort", "reason"),
    [
        ("abc", MONEY, "is not a number: 'abc'"),
        ("1 USDT = 0.09262004 CAKE", MONEY, "is not a number"),
        ("$0.0...04658", MONEY, "is not a number"),
        ("1.2.3", MONEY, "is not a number"),
        ("1,23,4", MONEY, "is not a number"),
        ("1-2", MONEY, "is not a number"),
        ("--5", MONEY, "is not a number"),
        ("5 5", MONEY, "is not a number"),
        ("0x10", MONEY, "is not a number"),
        ("10²", MONEY, "is not a number"),
        ("٣", MONEY, "is not a number"),
        ("½", MONEY, "is not a number"),
        ("inf", MONEY, "is not a number"),
        ("5 lots", MONEY, "is not a number"),
        ("=1+1", MONEY, "is not a number"),
        ("2021-07-02", MONEY, "is not a number"),
        ("1e999999999", MONEY, "is out of range"),
        ("1e3K", MONEY, "has both an exponent and a scale"),
        ("5%", MONEY, "is a percentage, not an amount in US dollars"),
        ("$5", PERCENT, "is an amount of money, not a percentage"),
        ("$5", SUPPLY, "is an amount of money, not a number of coins"),
        ("123 T", SUPPLY, "is ambiguous: 'T' may be a coin's symbol or a power of ten"),
        ("0." + "9" * 81, MONEY, "has more than 80 digits"),
    ],
)
def test_what_is_no_figure_is_refused_with_the_reason(text: str, sort: Sort, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        figure(text, Mark.POINT, sort)
    assert str(refused.value).startswith(reason)
