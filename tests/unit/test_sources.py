"""What holds for each source in the registry; a new one needs an entry in `source_cases`, and gets these for free."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import GiveUp
from core.models import Page, Parsed
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
    prices = {quote.name: quote.price for page in parsed for quote in page.quotes}
    assert {name: price and price.as_tuple() for name, price in prices.items()} == {
        name: text and Decimal(text).as_tuple() for name, text in case.prices.items()
    }


def test_symbols_are_spelled_as_they_were_sent(parsed: list[Parsed], case: Case) -> None:
    symbols = {quote.name: quote.symbol for page in parsed for quote in page.quotes}
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
