"""One file, written in ways that different readers read: the same quotes come of it, and the same rows are rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.figures import rank_of
from core.models import Parsed
from core.plausibility import flags
from core.quote_table import QuoteTable
from core.sources.csvfile import coins
from core.sources.csvfile.cells import Sort, figure
from core.sources.csvfile.layout import Layout
from core.sources.csvfile.marks import Mark
from core.sources.csvfile.rows import quotes_of
from core.sources.csvfile.table import read_table

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIELDS = ("name", "symbol", "price", "market_cap", "volume_24h", "high_24h", "rank", "observed_at")
COLUMNS = {field: place for place, field in enumerate(FIELDS)}

names = st.sampled_from(["Bitcoin", "Ether Classic", "é", "🐶", "-", "", " x ", "tab\tbed", "\ufeffQ", "y" * 301])
symbols = st.sampled_from(["BTC", "eth", "BTC-USD", "ETH-EUR", "?", "", " ADA", "N/A"])
texts = (
    "", " ", "1.5", " 7", "-0", "007", "1e-09", "1E+05", "1.234", "$7", "€7", "?", "abc", "1.2.3", "1.5M", "12 %", "5.",
    ".5", "NaN", "inf", "9" * 21, "9" * 90, "1e70", "1 000", "(5)", "1000000000", "-150", "0x1", "1_0",
)  # fmt: skip
figures = st.decimals(-(10**9), 10**15, places=6).map(str) | st.sampled_from(texts)
ranks = st.sampled_from(["1", "22", "", "0", "-1", "1.5", "x", "#3", "99999999999", "007", "1e2"])
times = st.sampled_from(
    ["2024-01-01", "2024-01-01T10:00:00.123456+02:00", "1/2/2024", "", "0", "nope", "1700000000", "1999-01-01"]
)
rows = st.lists(st.tuples(names, symbols, figures, figures, figures, figures, ranks, times), max_size=12)
layouts = st.builds(
    lambda mark, pairs: Layout("utf-8", ",", False, len(FIELDS), COLUMNS, {"price": mark}, "day first", pairs, {}),
    st.sampled_from(Mark),
    st.booleans(),
)


def written(rows: Sequence[Sequence[str]], cell: str = "{}", first: str = "{}") -> str:
    return "".join(",".join([first.format(row[0]), *map(cell.format, row[1:])]) + "\n" for row in rows)


def parsed(text: str, layout: Layout) -> Parsed:
    return quotes_of(read_table(text.encode(), layout, 1), layout, NOW)


@settings(deadline=None)
@given(rows=rows, layout=layouts)
def test_plain_quoted_and_odd_files_give_the_same_quotes(rows: list[tuple[str, ...]], layout: Layout) -> None:
    plain = parsed(written(rows), layout)
    reasons = [rejection.reason for rejection in plain.rejections]
    for cell, first in (
        ('"{}"', '"{}"'),
        (' "{}"', '"{}"'),  # blanks before a quote, which not every reader passes over
        ("{}", '"{}\n"'),  # records of several lines, read one by one
        ("{}", "{}\r"),  # a carriage return that ends no line
    ):
        other = parsed(written(rows, cell, first), layout)
        assert other.quotes == plain.quotes
        assert [rejection.reason for rejection in other.rejections] == reasons


def alone(text: str, mark: Mark, sort: Sort) -> Decimal | str | None:
    try:
        return figure(text, mark, sort)[0]
    except ValueError as error:
        return str(error)


@settings(deadline=None)
@example(cells=[("1.5", "0"), ("1e70", "7"), ("2", "")], mark=Mark.POINT)
@given(cells=st.lists(st.tuples(figures, ranks), max_size=12), mark=st.sampled_from(Mark))
def test_a_figure_is_read_in_its_column_as_it_is_read_alone(cells: list[tuple[str, str]], mark: Mark) -> None:
    columns = {"symbol": 0, "price": 1, "market_cap": 2, "rank": 3}
    layout = Layout("utf-8", ",", False, 4, columns, {"price": mark}, "", False, {})
    result = parsed("".join(f"A,{text},1,{rank}\n" for text, rank in cells), layout)
    read = [(alone(text, mark, Sort.MONEY), alone(rank, Mark.PLAIN, Sort.COUNT)) for text, rank in cells]
    quotes = [
        (price, rank_of(rank)) for price, rank in read if not isinstance(price, str) and not isinstance(rank, str)
    ]
    assert [(quote.price, quote.rank) for quote in result.quotes] == quotes
    assert [rejection.reason for rejection in result.rejections] == [
        f"price {price}" if isinstance(price, str) else f"rank {rank}"
        for price, rank in read
        if isinstance(price, str) or isinstance(rank, str)
    ]


JUDGED = ("price", "market_cap", "volume_24h", "price_change_24h", "high_24h", "low_24h")
# On the bounds of what is plausible, and so near them that a float is the same number.
at_bounds = st.tuples(
    st.sampled_from(["", "0", "-0", "1", "1.1", "1.10000000000000000001", "0.9", "0.89999999999999999999", "-1e-39"]),
    st.sampled_from(["", "0", "-1", "1e9", "999999999.99999999999999999999", "5e30"]),
    st.sampled_from(["", "0", "-1", "1e3", "999.99999999999999999999"]),
    st.sampled_from(["", "0", "-100", "-100.00000000000000000001"]),
    st.sampled_from(["", "0", "1"]),
    st.sampled_from(["", "0", "1"]),
)


@settings(deadline=None, max_examples=300)
@given(rows=st.lists(at_bounds, max_size=20))
def test_no_quote_that_cannot_be_right_goes_unflagged(rows: list[tuple[str, ...]]) -> None:
    columns = {"symbol": 0} | {name: place for place, name in enumerate(JUDGED, 1)}
    layout = Layout("utf-8", ",", False, 1 + len(JUDGED), columns, {}, "", False, {})
    for quote in parsed("".join(f"A,{','.join(row)}\n" for row in rows), layout).quotes:
        assert quote.flags == flags(replace(quote, flags=()))


@settings(deadline=None)
@given(rows=rows, layout=layouts)
def test_quotes_made_a_table_stay_the_same(rows: list[tuple[str, ...]], layout: Layout) -> None:
    quotes = list(parsed(written(rows), layout).quotes)
    assert QuoteTable.of(quotes) == quotes


def test_one_bad_figure_leaves_the_others_of_its_column_their_digits() -> None:
    layout = Layout("utf-8", ",", False, 2, {"symbol": 0, "price": 1}, {}, "", False, {})
    quotes = parsed("A,1.50\nB,$2.50\nC,x\nD, 1e-09\nE,?\nF,\n", layout)
    assert [(quote.symbol, str(quote.price)) for quote in quotes.quotes] == [
        ("A", "1.50"),
        ("B", "2.50"),
        ("D", "1E-9"),
    ]
    assert [rejection.row for rejection in quotes.rejections] == [3, 5, 6]


def test_coins_are_the_same_however_many_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coins, "COINS_KEPT", 3)
    layout = Layout("utf-8", ",", False, 2, {"symbol": 0, "price": 1}, {}, "", True, {})
    for symbols in (["A-EUR", "B"], ["C", "A-EUR"], ["D", "", "A-EUR"], ["B", "F-USD"], ["G" * 100, "B-EUR"]):
        result = parsed("".join(f"{symbol},1\n" for symbol in symbols), layout)
        assert [(quote.source_id, quote.symbol, bool(quote.flags)) for quote in result.quotes] == [
            (f"symbol:{symbol.lower()}", symbol[:-4] if "-" in symbol else symbol, "EUR" in symbol)
            for symbol in symbols
            if symbol
        ]
        assert [rejection.row for rejection in result.rejections] == [2] * ("" in symbols)
        assert [quote.symbol for quote in parsed("A-EUR,1\n", replace(layout, pairs=False)).quotes] == ["A-EUR"]
