"""Whatever bytes come: no exception but GiveUp, no row lost, no number that isn't in the file."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import GiveUp
from core.models import Parsed
from core.sources.csv import CSV, inspect
from core.sources.csvfile.layout import Layout
from core.sources.csvfile.marks import Mark
from core.sources.csvfile.pieces import Limits, Piece, pieces
from core.sources.csvfile.rows import quotes_of
from core.sources.csvfile.survey import survey
from core.sources.csvfile.table import read_table
from tests.unit.csv_reading import HEADER, joined, read

ENCODINGS = ("ascii", "utf-8", "windows-1252", "utf-16-le", "utf-16-be")
NOW = datetime(2026, 1, 1, tzinfo=UTC)

# What breaks readers, in a small space, so that the pieces meet often.
SCRAPS = [
    '"', '""', '"""', ",", ";", "\t", "\n", "\r", "\r\n", "\r\r\n", "\0", " ", "A", "BTC", "Bitcoin, the coin",
    '"Bitcoin, the coin"', '"two\nlines"', '"it ""is"" so"', '"open', 'clo"sed', "1.5", "1,234.5", "1e5", "-", "$7",
    "é", "🐶", "\ufeff", "1,2,3\n", "BTC,Bitcoin,1.5\n", 'ETH,"Ether\neum",2\n', '"\n', '",', ',"',
]  # fmt: skip
scraps = st.lists(st.sampled_from(SCRAPS), max_size=60).map("".join)


def layout_of(encoding: str, *, ends_in_cr: bool = False, delimiter: str = ",", mark: Mark = Mark.PLAIN) -> Layout:
    columns = {"symbol": 0, "name": 1, "price": 2}
    return Layout(encoding, delimiter, ends_in_cr, 3, columns, {"price": mark}, "", False, {})


layouts = st.builds(
    layout_of,
    st.sampled_from(ENCODINGS),
    ends_in_cr=st.booleans(),
    delimiter=st.sampled_from([",", ";", "\t"]),
    mark=st.sampled_from(Mark),
)


def encoded(text: str, encoding: str) -> bytes:
    return text.encode({"windows-1252": "cp1252", "ascii": "utf-8"}.get(encoding, encoding), "ignore")


def parsed(body: bytes, layout: Layout, line: int = 1) -> Parsed:
    return quotes_of(read_table(body, layout, line), layout, NOW)


def sound(result: Parsed) -> None:
    """What holds for any outcome: it can be stored, and rows come in order."""
    for quote in result.quotes:
        assert quote.source_id
        assert quote.symbol or quote.name
        for text in (quote.source_id, quote.symbol, quote.name):
            assert "\0" not in text
            text.encode()
        assert quote.price is None or quote.price.is_finite()
    rows = [rejection.row for rejection in result.rejections]
    assert rows == sorted(set(rows))
    for rejection in result.rejections:
        assert rejection.reason
        assert len(rejection.raw) <= 300
        assert "\0" not in rejection.reason + rejection.raw
        (rejection.reason + rejection.raw).encode()


@settings(deadline=None, max_examples=100)
@given(body=st.binary(max_size=300) | scraps.map(str.encode), layout=layouts)
def test_any_bytes_are_read_without_an_exception(body: bytes, layout: Layout) -> None:
    sound(parsed(body, layout))


@settings(deadline=None, max_examples=100)
@given(text=scraps)
@example('BTC,Bitcoin,1\n"Ether,x,2\n\nETH",y,3\n')
def test_every_line_that_is_not_blank_is_accounted_for(text: str) -> None:
    """Save that a record may have several lines, and then it has a quote."""
    rows = parsed(text.encode(), layout_of("utf-8")).rows
    lines = len([line for line in text.encode().split(b"\n") if line.strip()])
    assert rows <= lines
    assert rows == lines or '"' in text
    assert bool(rows) == bool(lines)


names = st.text(st.sampled_from("ab \",;'\n"), min_size=1, max_size=12).filter(lambda name: name.count("\n") < 2)


@settings(deadline=None, max_examples=100)
@given(
    rows=st.lists(st.tuples(names, st.decimals(0, 10**9, places=3)), max_size=20),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    line_end=st.sampled_from(["\n", "\r\n", "\r\r\n"]),
)
def test_what_a_csv_writer_wrote_is_read_field_by_field(
    rows: list[tuple[str, Decimal]], quoting: Literal[0, 1, 2], line_end: str
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=quoting, lineterminator=line_end)
    writer.writerows([("S", f"x{name}", str(price)) for name, price in rows])
    result = parsed(out.getvalue().encode(), layout_of("utf-8"))
    assert not result.rejections
    assert [(quote.name, quote.price) for quote in result.quotes] == [
        (" ".join(f"x{name}".split()), price) for name, price in rows
    ]


@settings(deadline=None, max_examples=100)
@given(
    text=scraps,
    encoding=st.sampled_from(ENCODINGS),
    ends_in_cr=st.booleans(),
    size=st.integers(1, 200),
    lines=st.integers(1, 5),
)
def test_pieces_give_the_records_of_the_whole(
    text: str, encoding: str, ends_in_cr: bool, size: int, lines: int
) -> None:
    body = encoded(text, encoding)
    layout = layout_of(encoding, ends_in_cr=ends_in_cr)
    cut = list(pieces(io.BytesIO(body), layout, 0, 1, Limits(size, lines)))
    assert b"".join(piece.body for piece in cut) == body
    assert [piece.last for piece in cut] == [False] * (len(cut) - 1) + [True]
    assert joined([parsed(piece.body, layout, piece.line) for piece in cut]) == parsed(body, layout)


@settings(deadline=None, max_examples=100)
@given(text=scraps, encoding=st.sampled_from(ENCODINGS), size=st.integers(1, 100), data=st.data())
def test_cutting_goes_on_from_any_piece_as_if_it_had_never_stopped(
    text: str, encoding: str, size: int, data: st.DataObject
) -> None:
    body = encoded(text, encoding)
    layout = layout_of(encoding)

    def cut(offset: int, line: int) -> list[Piece]:
        file = io.BytesIO(body)
        file.seek(offset)
        return list(pieces(file, layout, offset, line, Limits(size, 3)))

    whole = cut(0, 1)
    place = data.draw(st.integers(0, len(whole) - 1))
    if not whole[place].last:
        assert cut(whole[place].next_offset, whole[place].next_line) == whole[place + 1 :]


@settings(deadline=None, max_examples=100)
@given(body=st.binary(max_size=400) | scraps.map(lambda text: f"{HEADER}\n{text}".encode()))
def test_any_file_is_refused_with_a_sentence_or_read(body: bytes) -> None:
    try:
        inspect(io.BytesIO(body))
        sound(read(body))
    except GiveUp as error:
        assert str(error).startswith("The uploaded file ")
        assert str(error).endswith(".")


@settings(deadline=None, max_examples=100)
@given(header=scraps, rows=scraps, encoding=st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "cp1252"]))
def test_what_was_chosen_can_be_stored(header: str, rows: str, encoding: str) -> None:
    body = f"symbol,price,{header}\n{rows}".encode(encoding, "ignore")
    try:
        notes = inspect(io.BytesIO(body))
    except GiveUp as error:
        assert "\0" not in str(error)
        return
    assert "\\u0000" not in json.dumps(notes)


@settings(deadline=None)
@given(
    price=st.decimals(allow_nan=False, allow_infinity=False, places=12) | st.floats(1e-30, 1e30).map(repr).map(Decimal)
)
def test_a_price_comes_out_as_it_went_in(price: Decimal) -> None:
    (quote,) = parsed(f"A,B,{price}\n".encode(), layout_of("utf-8")).quotes
    assert quote.price is not None
    assert quote.price.as_tuple() == price.as_tuple()


@settings(deadline=None, max_examples=100)
@given(layout=layouts)
def test_a_layout_is_the_same_after_it_was_stored(layout: Layout) -> None:
    assert Layout.from_json(json.loads(json.dumps(layout.to_json()))) == layout
    assert asdict(layout)["marks"] == dict(layout.marks)


@pytest.mark.parametrize("name", ["csv"])
def test_parsing_keeps_no_state(name: str) -> None:
    assert CSV.name == name
    text = f"{HEADER}\nBTC,Bitcoin,1,2,3,4\n"
    assert read(text) == read(text)
    assert survey(text.encode(), True, {}) == survey(text.encode(), True, {})
