"""What holds for each source in the registry; a new one needs an entry in `source_cases`, and gets these for free."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import GiveUp
from core.models import JsonObject, Page, Parsed
from core.sources import SOURCES
from core.sources.source import Source
from tests.unit.source_cases import CASES, Case, Served
from tests.upstream.server import Upstream

HOSTILE = [
    b"", b" ", b"\x00", b"\xff\xfe\x00\xd8", b"null", b"{}", b"7", b"[NaN]", b"<html><body>no</body></html>", b"[[[]]]",
    b"[" * 50_000, b'[{"id": ' * 300 + b"1" + b"}]" * 300, b'[{"id": "a", "symbol": {}, "name": [], "quotes": 5}]',
    b'[{"id": "a", "symbol": "a", "name": "a", "current_price": ' + b"9" * 50_000 + b"}]",
    b'[{"id": "' + b"a" * 50_000 + b'", "symbol": "a", "name": "a"}]', b'[{"id": "\\ud800", "symbol": "\\udfff"}]',
    b"symbol,price\n" + b'"' * 50_000, b"a,b\n" * 20_000, b"\n" * 50_000, b"symbol\x00,price\nA\x00,1\n",
    b"PK\x03\x04" + bytes(range(256)) * 20,
]  # fmt: skip


@pytest.fixture(params=list(SOURCES))
def source(request: pytest.FixtureRequest) -> Source:
    found = SOURCES[request.param]
    assert found.name in CASES, f"tests/unit/source_cases.py has no recorded answer for {found.name}"
    return found


@pytest.fixture
def case(source: Source) -> Case:
    return CASES[source.name]


@pytest.fixture
def served(case: Case) -> Iterator[Served]:
    with Upstream() as upstream:
        yield case.serve(upstream)


@pytest.fixture
def many_served(case: Case) -> Iterator[Served]:
    with Upstream() as upstream:
        yield case.serve_many(upstream)


@pytest.fixture
def many_pages(source: Source, many_served: Served) -> list[Page]:
    return list(source.pages(many_served.ask, {}))


@pytest.fixture
def pages(source: Source, served: Served) -> list[Page]:
    return list(source.pages(served.ask, {}))


@pytest.fixture
def parsed(source: Source, pages: list[Page]) -> list[Parsed]:
    return [source.parse(page.body, page.meta) for page in pages]


def test_it_is_registered_by_its_name_which_fits_a_url(source: Source) -> None:
    assert SOURCES[source.name] is source
    assert re.fullmatch(r"[a-z][a-z0-9]*", source.name)
    assert source.name != "all"


def test_its_default_limit_is_a_number_of_coins_or_none_at_all(source: Source) -> None:
    assert source.default_limit is None or source.default_limit > 0


def test_nothing_is_asked_before_it_is_wanted(source: Source, many_served: Served) -> None:
    fetching = source.pages(many_served.ask, {})
    assert many_served.touched() == 0
    next(fetching)
    assert many_served.touched() == 1


def test_pages_are_numbered_from_one_and_only_the_last_says_so(many_pages: list[Page], case: Case) -> None:
    assert [page.number for page in many_pages] == list(range(1, case.many_pages + 1))
    assert [page.last for page in many_pages] == [False] * (case.many_pages - 1) + [True]


def test_the_pages_hold_every_row_once(source: Source, many_pages: list[Page], case: Case) -> None:
    quotes = [quote for page in many_pages for quote in source.parse(page.body, page.meta).quotes]
    assert len({quote.source_id for quote in quotes}) == len(quotes) == case.many_rows


def test_a_fetch_resumed_at_a_cursor_gives_the_pages_that_were_missing(
    source: Source, many_served: Served, many_pages: list[Page]
) -> None:
    for place, page in enumerate(many_pages[:-1], 1):
        resumed = list(source.pages(many_served.ask, json.loads(json.dumps(page.cursor))))
        assert [(late.number, late.body, late.cursor, late.last) for late in resumed] == [
            (early.number, early.body, early.cursor, early.last) for early in many_pages[place:]
        ]


def test_cursors_and_metas_survive_being_stored_as_json(many_pages: list[Page]) -> None:
    for page in many_pages:
        assert json.loads(json.dumps(page.cursor)) == page.cursor
        assert json.loads(json.dumps(page.meta)) == page.meta


def test_every_row_becomes_a_quote_or_a_rejection(parsed: list[Parsed], case: Case) -> None:
    assert sum(len(page.quotes) for page in parsed) == len(case.prices)
    assert sum(len(page.rejections) for page in parsed) == case.rejected
    assert sum(page.rows for page in parsed) == len(case.prices) + case.rejected


def test_prices_have_the_digits_that_were_sent(parsed: list[Parsed], case: Case) -> None:
    prices = {quote.name or quote.symbol: quote.price for page in parsed for quote in page.quotes}
    assert {name: price and price.as_tuple() for name, price in prices.items()} == {
        name: text and Decimal(text).as_tuple() for name, text in case.prices.items()
    }


def test_symbols_are_spelled_as_they_were_sent(parsed: list[Parsed], case: Case) -> None:
    symbols = {quote.name or quote.symbol: quote.symbol for page in parsed for quote in page.quotes}
    assert {name: symbols[name] for name in case.symbols} == case.symbols


def test_a_rejection_names_its_row_a_reason_and_shows_what_came(parsed: list[Parsed]) -> None:
    for rejection in (rejection for page in parsed for rejection in page.rejections):
        assert rejection.row > 0
        assert rejection.reason
        assert rejection.raw
        for text in (rejection.reason, rejection.raw):
            assert "\x00" not in text
            text.encode()  # a lone surrogate would raise


def test_ids_are_there_and_differ(parsed: list[Parsed]) -> None:
    ids = [quote.source_id for page in parsed for quote in page.quotes]
    assert all(ids)
    assert len(set(ids)) == len(ids)


def test_times_are_utc(parsed: list[Parsed]) -> None:
    for quote in (quote for page in parsed for quote in page.quotes):
        assert quote.observed_at is None or quote.observed_at.utcoffset() is not None


def test_a_page_read_again_reads_the_same(source: Source, pages: list[Page], parsed: list[Parsed]) -> None:
    assert [source.parse(page.body, json.loads(json.dumps(page.meta))) for page in pages] == parsed


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_page_is_given_up_or_read_in_part(source: Source, pages: list[Page], body: bytes) -> None:
    read_or_give_up(source, body, pages[0])


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_page_is_given_up_or_read_in_part(source: Source, pages: list[Page], data: st.DataObject) -> None:
    body = pages[0].body
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(start + 30, len(body))))
    read_or_give_up(source, body[:start] + data.draw(st.binary(max_size=8)) + body[end:], pages[0])


def read_or_give_up(source: Source, body: bytes, page: Page) -> None:
    try:
        parsed = source.parse(body, page.meta)
    except GiveUp as error:
        assert str(error)
        return
    for quote in parsed.quotes:
        for text in (quote.source_id, quote.symbol, quote.name):
            assert "\x00" not in text
            text.encode()
        assert quote.price is None or quote.price.is_finite()


# A figure as JSON may spell it: all of a number's grammar, from the smallest to more digits than any figure has.
numbers = st.one_of(
    st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"-?[1-9][0-9]{70,90}", fullmatch=True),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
)
# Anything else that JSON can hold; numbers are among it as text, so that they keep their spelling.
others = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | st.sampled_from(["1,5", "$1", "NaN", "∞", "１", "1_000", "0x1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
).map(json.dumps)
_MARK = "\x7f0\x7f"


def with_figures(template: object, sent: Iterator[str]) -> str:
    """A row as JSON in which each mark became the next of what is `sent`."""
    text = json.dumps(template)
    while (mark := json.dumps(_MARK)) in text:
        text = text.replace(mark, next(sent), 1)
    return text


# Each source's row with a mark for every figure, and where a quote has those figures, in the order of the marks.
FIGURES: Mapping[str, tuple[object, tuple[str, ...]]] = {
    "coingecko": (
        {
            "id": "a", "symbol": "a", "name": "A", "current_price": _MARK, "market_cap": _MARK, "total_volume": _MARK,
            "price_change_percentage_24h": _MARK, "high_24h": _MARK, "low_24h": _MARK, "circulating_supply": _MARK,
            "total_supply": _MARK, "max_supply": _MARK,
        },
        ("price", "market_cap", "volume_24h", "price_change_24h", "high_24h", "low_24h", "circulating_supply",
         "total_supply", "max_supply"),
    ),
    "coinpaprika": (
        {
            "id": "a", "symbol": "a", "name": "A", "circulating_supply": _MARK, "total_supply": _MARK,
            "max_supply": _MARK, "quotes": {"USD": {
                "price": _MARK, "market_cap": _MARK, "volume_24h": _MARK, "percent_change_24h": _MARK}},
        },
        ("circulating_supply", "total_supply", "max_supply", "price", "market_cap", "volume_24h", "price_change_24h"),
    ),
    "binance": (
        {
            "symbol": "AUSDT", "lastPrice": _MARK, "quoteVolume": _MARK, "priceChangePercent": _MARK,
            "highPrice": _MARK, "lowPrice": _MARK,
        },
        ("price", "volume_24h", "price_change_24h", "high_24h", "low_24h"),
    ),
    "kraken": (
        {"c": [_MARK, "1"], "h": ["1", _MARK], "l": ["1", _MARK], "v": ["1", "1"], "p": ["1", "1"], "t": [1, 1]},
        ("price", "high_24h", "low_24h"),
    ),
}  # fmt: skip
META: JsonObject = {"fetched_at": "2026-01-01T00:00:00+00:00", "pairs": {"c": ["A", "A", "USD"]}}
# Where 0 stands for unknown.
ZERO_IS_UNKNOWN = {("coinpaprika", field) for field in ("price", "market_cap")} | {
    ("coinpaprika", f"{which}_supply") for which in ("circulating", "total", "max")
}


@pytest.mark.parametrize("name", FIGURES)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_a_figure_is_what_was_sent_to_the_digit_or_its_row_is_rejected_with_a_reason(
    name: str, data: st.DataObject
) -> None:
    template, fields = FIGURES[name]
    texts = [data.draw(numbers | numbers.map(json.dumps) | others | st.just("null")) for _ in fields]
    row = with_figures(template, iter(texts))
    parsed = SOURCES[name].parse((f'{{"result": {{"c": {row}}}}}' if name == "kraken" else f"[{row}]").encode(), META)
    assert parsed.rows == 1
    for rejection in parsed.rejections:
        assert rejection.reason
        assert not all(is_plain_figure(text) for text in texts), rejection.reason
    for quote in parsed.quotes:
        for field, text in zip(fields, texts, strict=True):
            found = getattr(quote, field)
            if found is not None:
                assert found.as_tuple() == Decimal(json.loads(text, parse_float=str, parse_int=str)).as_tuple()
            elif is_plain_figure(text):
                assert (name, field) in ZERO_IS_UNKNOWN
                assert Decimal(text) == 0


def is_plain_figure(text: str) -> bool:
    """Whether this JSON is a number that nobody could call absurd, so that it must be taken."""
    return bool(re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", text))


@settings(deadline=None, max_examples=40)
@given(value=st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["id", "symbol", "name", "quotes", "USD", "price", "current_price", "rank", "last_updated",
                         "closeTime", "count", "lastPrice", "quoteVolume", "result", "error", "c", "v", "p", "t"]),
        inner, max_size=6),
    max_leaves=25,
))  # fmt: skip
@pytest.mark.parametrize("name", FIGURES)
def test_any_json_at_all_is_given_up_or_read_in_part(name: str, value: object) -> None:
    read_or_give_up(SOURCES[name], json.dumps(value).encode(), Page(1, b"", META, {}, last=True))
