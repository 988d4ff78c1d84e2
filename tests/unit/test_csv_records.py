"""Where records end: quotes that are closed, quotes that aren't, and cuts between."""

from __future__ import annotations

import io
from decimal import Decimal

import pytest

from core.sources.csvfile.layout import Layout
from core.sources.csvfile.pieces import Limits, pieces
from core.sources.csvfile.records import MOST_QUOTED, Kind, fields_of, spans
from tests.unit.csv_reading import read, reasons

STRAY = "the row has a quote that isn't closed"
LAYOUT = Layout("utf-8", ",", False, 3, {"symbol": 0, "name": 1, "price": 2}, {}, "", False, {})


def kinds(text: str) -> list[tuple[str, Kind]]:
    return [(text[start:end], kind) for start, end, kind in spans(text.encode(), ",", 3)]


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        ("a,b,c", ["a", "b", "c"]),
        ("", [""]),
        ("a,", ["a", ""]),
        (",,", ["", "", ""]),
        ('"a,b",c', ["a,b", "c"]),
        ('"a ""b""",c', ['a "b"', "c"]),
        ('"",""', ["", ""]),
        ('a "b" c,d', ['a "b" c', "d"]),
        ('a, "b, c" ,d', ["a", "b, c", "d"]),
        ('"a\nb",c\n', ["a\nb", "c"]),
        ('a,"b"\r', ["a", "b"]),
    ],
)
def test_fields_are_told_apart(record: str, fields: list[str]) -> None:
    assert fields_of(record, ",") == fields


def test_lines_without_trouble_are_one_span() -> None:
    assert kinds('a,b,1\n"c, d",e,2\n\n') == [('a,b,1\n"c, d",e,2\n\n', Kind.PLAIN)]


def test_a_quoted_line_end_belongs_to_its_record() -> None:
    assert kinds('a,b,1\nc,"d\ne",2\nf,g,3\n') == [
        ("a,b,1\n", Kind.PLAIN),
        ('c,"d\ne",2\n', Kind.WHOLE),
        ("f,g,3\n", Kind.PLAIN),
    ]


def test_a_quote_inside_a_field_is_a_letter() -> None:
    assert kinds('a,5" disc,1\nb,c,2\n') == [('a,5" disc,1\n', Kind.WHOLE), ("b,c,2\n", Kind.PLAIN)]


@pytest.mark.parametrize(
    "stray",
    ['"a,b,1\n', 'a,"b" x,1\n', 'a,"b,1\n', 'a,b,"\n'],
    ids=["at the start", "closed too early", "in the middle", "at the end"],
)
def test_a_stray_quote_costs_its_own_line_only(stray: str) -> None:
    assert kinds(f"{stray}c,d,2\ne,f,3\n") == [(stray, Kind.STRAY), ("c,d,2\ne,f,3\n", Kind.PLAIN)]


def test_two_stray_quotes_do_not_swallow_the_rows_between_them() -> None:
    parsed = read('symbol,name,price\n"A,b,1\nC,d,2\nE,f,3\nG",h,4\nI,j,5\n')
    assert [quote.symbol for quote in parsed.quotes] == ["C", "E", 'G"', "I"]
    assert reasons(parsed) == [(2, STRAY)]


def test_a_quoted_field_that_would_change_the_width_is_not_one() -> None:
    assert kinds('"a\nb",c\nd,e,2\n')[0] == ('"a\n', Kind.STRAY)


def test_a_quoted_field_that_goes_on_too_long_is_not_one() -> None:
    long = "x\n" * MOST_QUOTED
    assert kinds(f'a,"{long}",1\nb,c,2\n')[0] == ('a,"x\n', Kind.STRAY)
    assert kinds(f'a,"{long[:1000]}",1\nb,c,2\n')[0][1] is Kind.WHOLE


def test_a_line_that_is_not_all_there_is_left_open() -> None:
    assert kinds("a,b,1\nc,d") == [("a,b,1\n", Kind.PLAIN), ("c,d", Kind.OPEN)]
    assert kinds('a,"b",1\nc,"d') == [('a,"b",1\n', Kind.PLAIN), ('c,"d', Kind.OPEN)]


def test_a_cut_is_never_inside_a_quoted_field() -> None:
    body = b'a,"b\nc",1\n' * 50
    cut = list(pieces(io.BytesIO(body), LAYOUT, 0, 1, Limits(size=25)))
    assert {piece.body for piece in cut} == {b'a,"b\nc",1\n' * 2}
    assert [piece.line for piece in cut] == list(range(1, 100, 4))


def test_a_piece_has_no_more_lines_than_allowed() -> None:
    cut = list(pieces(io.BytesIO(b"a,b,1\n" * 10), LAYOUT, 0, 2, Limits(lines=4)))
    assert [(piece.line, len(piece.body) // 6) for piece in cut] == [(2, 4), (6, 4), (10, 2)]


def test_an_empty_rest_is_one_last_empty_piece() -> None:
    (piece,) = pieces(io.BytesIO(b""), LAYOUT, 70, 8)
    assert (piece.body, piece.line, piece.next_offset, piece.last) == (b"", 8, 70, True)


class Trickle(io.BytesIO):
    """Gives a few bytes at a time, as sockets and raw files may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(7, size) if size and size > 0 else size)


def test_a_file_that_comes_in_drops_is_cut_alike() -> None:
    body = b'a,"b\nc",1\nd,e,2\n' * 20
    assert list(pieces(Trickle(body), LAYOUT, 0, 1, Limits(size=40))) == list(
        pieces(io.BytesIO(body), LAYOUT, 0, 1, Limits(size=40))
    )


class Endless(io.RawIOBase):
    """A file that never ends; `read_so_far` says how much of it was asked for."""

    read_so_far = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0, "the whole of it was asked for"
        self.read_so_far += size
        return (b"a,b,1\n" * (size // 6 + 1))[:size]


def test_the_first_piece_is_there_before_the_rest_is_read() -> None:
    file = Endless()
    first = next(pieces(file, LAYOUT, 0, 1))  # type: ignore[arg-type]
    assert len(first.body) <= 2_000_000
    assert file.read_so_far < 9_000_000


@pytest.mark.parametrize("length", [100_000, 5_000_000])
@pytest.mark.parametrize("line_end", ["\n", "\r"], ids=["LF", "CR"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_that_is_too_long_costs_no_other(length: int, line_end: str, encoding: str) -> None:
    lines = ["symbol,price", *(f"C{number},1" for number in range(10)), f"{'x' * length},1", "ETH,2", ""]
    parsed = read(line_end.join(lines).encode(encoding))
    assert [(quote.symbol, quote.price) for quote in parsed.quotes[-2:]] == [("C9", Decimal(1)), ("ETH", Decimal(2))]
    assert reasons(parsed) == [(12, "the row is longer than 65536 bytes")]
    assert parsed.rejections[0].raw == "x" * 300
