"""The same quotes come out of a file whatever its encoding, delimiter and line ends are."""

from __future__ import annotations

import codecs
from decimal import Decimal

import pytest

from core.errors import GiveUp
from core.sources.csvfile.encoding import encoding_of
from tests.unit.csv_reading import HEADER, only, read, reasons, table

ROWS = [
    ["symbol", "name", "price", "last_updated"],
    ["BTC", "Bitcoin", "12739.5", "1512549554"],
    ["CAFÉ", "Café Coin", "1.5", "1512549554"],
    ["ADA", "Cardano", "0.124635", "1512549554"],
]
ENCODINGS = {
    "utf-8": ("utf-8", b"", "utf-8"),
    "utf-8 with a byte-order mark": ("utf-8", codecs.BOM_UTF8, "utf-8"),
    "utf-16 little": ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16-le"),
    "utf-16 big": ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16-be"),
    "utf-16 without a mark": ("utf-16-le", b"", "utf-16-le"),
    "latin-1": ("latin-1", b"", "windows-1252"),
}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\r\r\n"], ids=["LF", "CR LF", "CR", "CR CR LF"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "bar"])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("last_line_ends", [True, False])
def test_a_file_is_read_however_it_was_written(
    encoding: str, delimiter: str, line_end: str, last_line_ends: bool
) -> None:
    codec, mark, named = ENCODINGS[encoding]
    text = line_end.join(delimiter.join(row) for row in ROWS) + (line_end if last_line_ends else "")
    parsed = read(mark + text.encode(codec))
    assert [(quote.symbol, quote.name, quote.price) for quote in parsed.quotes] == [
        (symbol, name, Decimal(price)) for symbol, name, price, _ in ROWS[1:]
    ]
    assert (parsed.notes["delimiter"], parsed.notes["encoding"], parsed.rejections) == (delimiter, named, [])


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\r\r\n"], ids=["LF", "CR LF", "CR", "CR CR LF"])
def test_line_numbers_are_those_of_the_file(line_end: str) -> None:
    lines = ["symbol,price", "", "A,x", "", "", "B,1", "C,y"]
    assert [row for row, _ in reasons(read(line_end.join(lines)))] == [3, 7]


def test_quoted_fields_are_read_in_any_delimiter() -> None:
    assert only('symbol;name;price\n"BTC";"Bitcoin; the ""first""";"1.5"\n').name == 'Bitcoin; the "first"'
    assert only('symbol, name, price\nBTC, "Bitcoin, the first", 1.5\n').name == "Bitcoin, the first"


def test_the_delimiter_that_makes_sense_of_the_header_is_taken() -> None:
    assert only("symbol;price;notes (a, b, c, d)\nBTC;2.5;x\n").price == Decimal("2.5")


def test_a_hint_for_spreadsheets_is_followed() -> None:
    parsed = read("sep=;\nsymbol;price\nBTC;0,5\n;7\n")
    assert [quote.price for quote in parsed.quotes] == [Decimal("0.5")]
    assert reasons(parsed) == [(4, "the row has neither a symbol nor a name")]


def test_blank_lines_before_the_header_are_passed_by() -> None:
    assert reasons(read("\n \r\n\nsymbol,price\nBTC,1\nETH,x\n")) == [(6, "price is not a number: 'x'")]


def test_windows_signs_are_known_in_a_latin_1_file() -> None:
    quote = only("symbol,name,price\nX,“Café”,€5\n".encode("cp1252"))
    assert (quote.name, quote.flags) == ("“Café”", ("not_us_dollars",))


def test_a_line_that_is_not_utf_8_is_rejected_in_a_utf_8_file() -> None:
    body = table("A,Café,1", "B,Bad \udce9,2", "C,Cafe,3").replace(HEADER, "symbol,name,price")
    parsed = read(body.encode("utf-8", "surrogateescape"))
    assert [quote.symbol for quote in parsed.quotes] == ["A", "C"]
    assert [(r.row, r.reason, r.raw) for r in parsed.rejections] == [(3, "the row is not valid UTF-8", "B,Bad \\xe9,2")]


def test_a_late_foreign_letter_in_an_otherwise_plain_file_is_taken_for_latin_1() -> None:
    plain = "".join(f"C{number},Coin,1\n" for number in range(9000)).encode()
    parsed = read(b"symbol,name,price\n" + plain + "X,Café,2\n".encode("latin-1") + "Y,Café,3\n".encode())
    assert [quote.name for quote in parsed.quotes[-2:]] == ["Café", "Café"]


def test_half_a_character_in_utf_16_costs_its_line_alone() -> None:
    body = "symbol,name,price\nA,\ud83d,1\nB,🐶,2\n".encode("utf-16-le", "surrogatepass") + b"\x41"
    parsed = read(codecs.BOM_UTF16_LE + body)
    assert [(quote.symbol, quote.name) for quote in parsed.quotes] == [("B", "🐶")]
    assert [reason for _, reason in reasons(parsed)] == ["the row is not valid UTF-16-LE"] * 2


def test_a_character_that_the_beginning_cuts_in_two_does_not_change_the_encoding() -> None:
    assert encoding_of("é".encode()[:1], whole=False) == ("utf-8", 0)
    assert encoding_of("é".encode()[:1], whole=True) == ("windows-1252", 0)


def test_utf_32_is_refused() -> None:
    with pytest.raises(GiveUp, match="is written in UTF-32; save it as UTF-8"):
        read(codecs.BOM_UTF32_LE + table("BTC,Bitcoin,1,1,1,1").encode("utf-32-le"))
