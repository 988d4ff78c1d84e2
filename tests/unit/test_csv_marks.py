"""`1,234`: a thousand, or one and a bit? Decided by what the file itself shows, or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.sources.csvfile.marks import Mark, mark_of, plain, proof
from tests.unit.csv_reading import only, read, reasons, table


@pytest.mark.parametrize(
    ("number", "mark"),
    [
        ("1,234.5", "."), ("1,234,567", "."), ("12.34", "."), ("0.123", "."), ("1234.567", "."), (".5", "."),
        ("5.", "."),
        ("1.234,5", ","), ("1.234.567", ","), ("12,34", ","), ("0,123", ","), ("1234,567", ","), ("12,34,567", "."),
        ("1 234,5", ","), ("1234", ""), ("1,234", ""), ("1.234", ""), ("999,999", ""), ("1 234", ""),
    ],
)  # fmt: skip
def test_a_number_proves_its_decimal_mark_when_it_can_be_read_in_one_way_only(number: str, mark: str) -> None:
    assert proof(number) == mark


def test_with_an_exponent_there_are_no_thousands() -> None:
    assert (proof("1.234", has_exponent=True), proof("1,234", has_exponent=True)) == (".", ",")


@pytest.mark.parametrize("text", ["", ".", ",", "1,2,3", "1.2.3,4", "1,234.5.6", "12,345,67", "1 23", "a"])
def test_what_is_no_number_proves_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        proof(text)


@pytest.mark.parametrize(
    ("in_column", "in_file", "delimiter", "expected"),
    [
        ([".", ""], [",", "."], ",", Mark.POINT),
        ([","], [".", ","], ";", Mark.COMMA),
        ([".", ","], ["."], ",", Mark.NONE),
        ([], ["."], ";", Mark.POINT),
        ([], [".", ","], ",", Mark.NONE),
        ([], [], ",", Mark.PLAIN),
        ([], [], ";", Mark.NONE),
    ],
)
def test_the_column_decides_then_the_file_then_the_delimiter(
    in_column: list[str], in_file: list[str], delimiter: str, expected: Mark
) -> None:
    assert mark_of(in_column, in_file, delimiter) is expected


@pytest.mark.parametrize(
    ("number", "mark", "expected"),
    [
        ("1,234", Mark.POINT, "1234"), ("1.234", Mark.POINT, "1.234"), ("1,234.5", Mark.POINT, "1234.5"),
        ("1,234", Mark.COMMA, "1.234"), ("1.234", Mark.COMMA, "1234"), ("1.234,5", Mark.COMMA, "1234.5"),
        ("1.234", Mark.PLAIN, "1.234"), ("12,5", Mark.PLAIN, "12.5"), ("12,5", Mark.NONE, "12.5"), ("7",
        Mark.NONE, "7"),
    ],
)  # fmt: skip
def test_a_number_is_spelled_as_programs_do(number: str, mark: Mark, expected: str) -> None:
    assert plain(number, mark) == expected


@pytest.mark.parametrize(
    ("number", "mark", "reason"),
    [
        ("1,234", Mark.PLAIN, "is ambiguous"),
        ("1,234", Mark.NONE, "is ambiguous"),
        ("1.234", Mark.NONE, "is ambiguous"),
        ("12,5", Mark.POINT, "has ',' for its decimal mark, unlike the rest of the column"),
        ("12.5", Mark.COMMA, "has '.' for its decimal mark, unlike the rest of the column"),
    ],
)
def test_what_could_be_two_numbers_is_neither(number: str, mark: Mark, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        plain(number, mark)
    assert str(refused.value).startswith(reason)


def test_a_european_file_is_read_as_it_is_meant() -> None:
    parsed = read(
        table(
            "BTC;Bitcoin;39.979,12;750.391.502.193",
            "XRP;XRP;0,7211;33.394.724.492",
            "ADA;Cardano;1.234;41.002",
            header="symbol;name;price;market_cap",
        )
    )
    assert [(quote.price, quote.market_cap) for quote in parsed.quotes] == [
        (Decimal("39979.12"), Decimal(750391502193)),
        (Decimal("0.7211"), Decimal(33394724492)),
        (Decimal(1234), Decimal(41002)),
    ]
    assert parsed.notes["decimal_marks"] == {"price": ",", "market_cap": ","}


def test_one_number_that_shows_the_mark_settles_the_others_of_the_file() -> None:
    parsed = read(table('BTC,"$1,234","$850,000,000"', header="symbol,price,market_cap"))
    assert [quote.price for quote in parsed.quotes] == [1234]


def test_in_a_file_with_decimal_commas_points_are_thousands_in_every_column() -> None:
    assert only(table("BTC;0,7211;1.234", header="symbol;price;market_cap")).market_cap == 1234


def test_without_anything_to_show_it_the_row_is_rejected_and_says_so() -> None:
    parsed = read(table('BTC,"1,234"', "ETH,1.234", "ADA,5", header="symbol,price"))
    assert reasons(parsed) == [(2, "price is ambiguous: nothing shows whether '1,234' has thousands or decimals")]
    assert [quote.price for quote in parsed.quotes] == [Decimal("1.234"), 5]


def test_in_a_mixed_column_each_number_must_speak_for_itself() -> None:
    parsed = read(table("BTC,39979.12", 'ETH,"2.294,83"', "ADA,1.284", 'XRP,"1,284"', "DOT,7", header="symbol,price"))
    assert [quote.price for quote in parsed.quotes] == [Decimal("39979.12"), Decimal("2294.83"), 7]
    assert [row for row, reason in reasons(parsed) if "is ambiguous" in reason] == [4, 5]


def test_a_number_that_goes_against_what_the_beginning_showed_is_rejected() -> None:
    many = [f"C{number},{number}.25" for number in range(9000)]
    parsed = read(table(*many, 'ETH,"2.294,83"', 'ADA,"1,284"', header="symbol,price"))
    assert reasons(parsed) == [(9002, "price has ',' for its decimal mark, unlike the rest of the column: '2.294,83'")]
    assert parsed.quotes[-1].price == 1284
