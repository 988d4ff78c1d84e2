from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.errors import GiveUp, RateLimited, Retry
from core.models import JsonObject, Page
from core.settings import Settings
from core.sources.coingecko import COINGECKO, key_header
from core.sources.source import Ask
from tests.unit.source_cases import COINGECKO as RECORDED
from tests.upstream import server
from tests.upstream.markets import Markets, made_up
from tests.upstream.server import Upstream

FETCHED: JsonObject = {"fetched_at": "2022-02-23T11:30:00+00:00"}


def ask(upstream: Upstream, limit: int | None, **environ: str) -> Ask:
    return Ask(Settings.from_env({**upstream.environ, **environ}), limit)


def fetch(upstream: Upstream, limit: int | None, cursor: JsonObject | None = None) -> list[Page]:
    return list(COINGECKO.pages(ask(upstream, limit), cursor or {}))


def ids(pages: list[Page]) -> list[str]:
    return [quote.source_id for page in pages for quote in COINGECKO.parse(page.body, page.meta).quotes]


@pytest.mark.parametrize(
    ("limit", "asked"),
    [
        (1, [("1", "1")]),
        (100, [("1", "100")]),
        (250, [("1", "250")]),
        (251, [("1", "250"), ("2", "250")]),
        (300, [("1", "250"), ("2", "250")]),
        (1000, [("1", "250"), ("2", "250")]),  # the stand-in has 300
        (None, [("1", "250"), ("2", "250")]),
    ],
)
def test_a_limit_is_the_first_so_many_coins_in_pages_of_one_size(
    upstream: Upstream, limit: int | None, asked: list[tuple[str, str]]
) -> None:
    pages = fetch(upstream, limit)
    everything = [json.loads(row)["id"] for row in upstream.markets().coingecko]
    assert ids(pages) == everything[:limit]
    assert [(seen.query["page"], seen.query["per_page"]) for seen in upstream.log] == asked
    assert upstream.log[0].query["vs_currency"] == "usd"
    assert upstream.log[0].query["order"] == "market_cap_desc"
    assert upstream.log[0].query["sparkline"] == "false"


def test_a_list_that_ends_with_a_full_page_ends_with_an_empty_one() -> None:
    with Upstream(made_up(500)) as upstream:
        pages = fetch(upstream, None)
    assert [COINGECKO.parse(page.body, page.meta).rows for page in pages] == [250, 250, 0]
    assert [page.last for page in pages] == [False, False, True]


def test_the_body_is_kept_as_it_came(upstream: Upstream) -> None:
    [page] = fetch(upstream, 20)
    assert page.body == upstream.markets().coingecko_page(1, 20)


def test_an_empty_first_page_is_a_failure(upstream: Upstream) -> None:
    upstream.behave(server.COINGECKO, "none")
    with pytest.raises(Retry, match="coingecko answered with an empty market"):
        fetch(upstream, 100)


def test_a_page_that_comes_again_is_a_failure(upstream: Upstream) -> None:
    upstream.behave(server.COINGECKO, "repeat", page=2)
    with pytest.raises(Retry, match="coingecko sent page 1 again as page 2"):
        fetch(upstream, None)


def test_a_page_that_comes_again_after_a_crash_is_still_noticed(upstream: Upstream) -> None:
    first = next(COINGECKO.pages(ask(upstream, None), {}))
    upstream.behave(server.COINGECKO, "repeat", page=2)
    with pytest.raises(Retry, match="again"):
        fetch(upstream, None, first.cursor)


def test_coins_that_move_from_one_page_to_the_next_are_no_failure() -> None:
    market = made_up(600).coingecko
    with Upstream() as upstream:
        before, after = Markets(market, ()), Markets(market[250:499] + market[:250] + market[499:], ())
        upstream.markets = lambda: before if len(upstream.log) < 2 else after
        assert len(ids(fetch(upstream, 500))) == 500


def test_a_list_that_shrinks_between_pages_ends_early() -> None:
    long, short = made_up(600), made_up(260)
    with Upstream() as upstream:
        upstream.markets = lambda: long if len(upstream.log) < 2 else short
        assert len(ids(fetch(upstream, None))) == 260


def test_an_endless_list_is_given_up(upstream: Upstream) -> None:
    with pytest.raises(GiveUp, match="more than 100000 coins"):
        fetch(upstream, None, {"page": 401})


@pytest.mark.parametrize("cursor", [{"page": 0}, {"page": "2"}, {"page": 2, "previous": 5}])
def test_a_cursor_of_another_source_is_given_up(upstream: Upstream, cursor: JsonObject) -> None:
    with pytest.raises(GiveUp, match="not one of coingecko's"):
        fetch(upstream, None, cursor)


def test_what_it_says_instead_of_a_list_is_told_without_the_key(upstream: Upstream) -> None:
    upstream.behave(server.COINGECKO, body='{"status": {"error_code": 1, "error_message": "no: my-demo-key"}}')
    with pytest.raises(Retry, match=r"that isn't a list of coins: no: \[key\]$"):
        list(COINGECKO.pages(ask(upstream, 10, COINGECKO_API_KEY="my-demo-key"), {}))


def test_a_list_of_no_objects_is_a_failure(upstream: Upstream) -> None:
    upstream.behave(server.COINGECKO, body='["maintenance"]')
    with pytest.raises(Retry, match="isn't a list of coins"):
        fetch(upstream, 10)


def test_pages_before_a_rate_limit_are_there_and_the_fetch_goes_on_behind_them(upstream: Upstream) -> None:
    upstream.behave(server.COINGECKO, status=429, retry_after="119", page=2)
    fetching = COINGECKO.pages(ask(upstream, None), {})
    first = next(fetching)
    with pytest.raises(RateLimited) as raised:
        next(fetching)
    assert raised.value.retry_after == 119
    assert len(ids([first, *fetch(upstream, None, first.cursor)])) == 300


def test_the_key_is_sent_as_the_demo_plans(upstream: Upstream) -> None:
    list(COINGECKO.pages(ask(upstream, 10, COINGECKO_API_KEY="my-demo-key"), {}))
    assert upstream.log[0].headers["x-cg-demo-api-key"] == "my-demo-key"


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("https://api.coingecko.com/api/v3", {"x-cg-demo-api-key": "k"}),
        ("https://pro-api.coingecko.com/api/v3", {"x-cg-pro-api-key": "k"}),
        ("https://pro-api.coingecko.com.elsewhere.example/api/v3", {"x-cg-demo-api-key": "k"}),
        ("http://127.0.0.1:9100/api/v3", {"x-cg-demo-api-key": "k"}),
    ],
)
def test_the_header_of_the_key_goes_by_the_host(url: str, header: dict[str, str]) -> None:
    assert key_header(url, "k") == header
    assert key_header(url, "") == {}


def test_every_field_finds_its_place() -> None:
    bitcoin = COINGECKO.parse(RECORDED.encode(), FETCHED).quotes[0]
    assert (bitcoin.source_id, bitcoin.symbol, bitcoin.name, bitcoin.rank) == ("bitcoin", "btc", "Bitcoin", 1)
    assert bitcoin.market_cap == 1263170870735
    assert bitcoin.volume_24h == 19584692179
    assert bitcoin.price_change_24h == Decimal("0.32173")
    assert [bitcoin.high_24h, bitcoin.low_24h] == [Decimal("65001.5"), Decimal(63870)]
    supplies = [bitcoin.circulating_supply, bitcoin.total_supply, bitcoin.max_supply]
    assert supplies == [Decimal(19700000), Decimal(21000000), Decimal(21000000)]
    assert bitcoin.observed_at == datetime(2022, 2, 23, 11, 23, 11, 426000, UTC)


def test_each_rejection_has_its_reason() -> None:
    parsed = COINGECKO.parse(RECORDED.encode(), FETCHED)
    assert [(rejection.row, rejection.reason) for rejection in parsed.rejections] == [
        (5, "current_price is not a number: 'lots'"),
        (6, "current_price is not a number but a bool"),
        (7, "current_price is out of range: 1E+999"),
        (8, "name holds a character that can't be stored"),
        (9, "name holds a character that can't be stored"),
        (10, "id is not text"),
        (11, "id is missing"),
        (12, "symbol and name are both missing"),
        (13, "the row is not an object"),
    ]


def test_no_depth_of_nesting_breaks_more_than_its_page() -> None:
    for depth in range(1, 1100):
        body = f'[{{"id": {"[" * depth}{"]" * depth}}}]'
        try:
            [rejection] = COINGECKO.parse(body.encode(), FETCHED).rejections
        except GiveUp as error:
            assert str(error) == "A page of coingecko can't be read: the body is nested too deep"
        else:
            assert rejection.reason == "id is not text"


def test_a_quote_that_cannot_be_right_is_kept_and_flagged() -> None:
    row = {"id": "c", "symbol": "c", "name": "C", "current_price": -1, "market_cap": 3333370870735, "total_volume": 5.4}
    [quote] = COINGECKO.parse(json.dumps([row]).encode(), FETCHED).quotes
    assert quote.flags == ("negative_price", "cap_without_volume")


def test_rows_behind_the_limit_are_not_counted() -> None:
    assert COINGECKO.parse(RECORDED.encode(), {**FETCHED, "take": 5}).rows == 5


def test_a_time_of_tomorrow_next_year_is_unknown() -> None:
    row = {"id": "c", "symbol": "c", "name": "C", "current_price": 1, "last_updated": "2023-02-23T11:30:00Z"}
    [quote] = COINGECKO.parse(json.dumps([row]).encode(), FETCHED).quotes
    assert quote.observed_at is None
