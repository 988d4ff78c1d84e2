from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.errors import Retry
from core.models import JsonObject, Page
from core.settings import Settings
from core.sources.coinpaprika import COINPAPRIKA, key_header
from core.sources.source import Ask
from tests.unit.source_cases import COINPAPRIKA as RECORDED
from tests.upstream import server
from tests.upstream.server import Upstream

FETCHED: JsonObject = {"fetched_at": "2019-09-06T12:41:00+00:00"}


def fetch(upstream: Upstream, limit: int | None, **environ: str) -> Page:
    [page] = COINPAPRIKA.pages(Ask(Settings.from_env({**upstream.environ, **environ}), limit), {})
    return page


def names(limit: int | None) -> list[str]:
    return [quote.name for quote in COINPAPRIKA.parse(RECORDED.encode(), {**FETCHED, "limit": limit}).quotes]


def test_the_whole_list_is_fetched_and_the_limit_travels_beside_it(upstream: Upstream) -> None:
    page = fetch(upstream, 50)
    assert page.body == upstream.markets().coinpaprika_list()
    assert COINPAPRIKA.parse(page.body, page.meta).rows == 50
    assert len(upstream.log) == 1


def test_a_limit_takes_the_best_ranked_and_those_without_a_rank_last() -> None:
    assert names(1) == ["Bitcoin"]
    assert names(2) == ["Bitcoin", "Ethereum"]
    assert names(6) == ["Bitcoin", "Ethereum", "Speck"]  # ranks 3 to 5 are rejected rows, and count
    assert names(8) == ["Bitcoin", "Ethereum", "Speck", "Long Digits", "Unpriced"]


def test_without_a_limit_all_rows_come_in_their_own_order() -> None:
    assert names(None) == ["Ethereum", "Bitcoin", "Speck", "Long Digits", "Unpriced"]


def test_an_empty_list_is_a_failure(upstream: Upstream) -> None:
    upstream.behave(server.COINPAPRIKA, "none")
    with pytest.raises(Retry, match="coinpaprika answered with an empty market"):
        fetch(upstream, None)


def test_an_error_said_with_200_is_a_failure_and_is_told(upstream: Upstream) -> None:
    upstream.behave(server.COINPAPRIKA, shape="error", message="come back\nlater")
    with pytest.raises(Retry, match=r"isn't a list of coins: come back later$"):
        fetch(upstream, None)


def test_the_key_is_sent_as_it_is(upstream: Upstream) -> None:
    fetch(upstream, None, COINPAPRIKA_API_KEY="my-paid-key")
    assert upstream.log[0].headers["Authorization"] == "my-paid-key"


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("https://api-pro.coinpaprika.com/v1", {"Authorization": "k"}),
        ("https://api.coinpaprika.com/v1", {}),
        ("http://127.0.0.1:9100/v1", {"Authorization": "k"}),
    ],
)
def test_the_free_plans_host_gets_no_key(url: str, header: dict[str, str]) -> None:
    assert key_header(url, "k") == header
    assert key_header(url, "") == {}


def test_every_field_finds_its_place() -> None:
    bitcoin = COINPAPRIKA.parse(RECORDED.encode(), FETCHED).quotes[1]
    assert (bitcoin.source_id, bitcoin.symbol, bitcoin.name, bitcoin.rank) == ("btc-bitcoin", "BTC", "Bitcoin", 1)
    assert bitcoin.market_cap == 195556052680
    assert bitcoin.volume_24h == Decimal("15497171907.63")
    assert bitcoin.price_change_24h == Decimal("2.9")
    supplies = [bitcoin.circulating_supply, bitcoin.total_supply, bitcoin.max_supply]
    assert supplies == [Decimal(17919100), Decimal(17919100), Decimal(21000000)]
    assert bitcoin.observed_at == datetime(2019, 9, 6, 12, 40, 34, tzinfo=UTC)


def test_zero_stands_for_an_unknown_cap_supply_or_price_but_not_for_volume_or_change() -> None:
    speck = COINPAPRIKA.parse(RECORDED.encode(), FETCHED).quotes[2]
    assert (speck.market_cap, speck.circulating_supply, speck.total_supply, speck.max_supply) == (None,) * 4
    assert speck.volume_24h == speck.price_change_24h == Decimal(0)
    row = {"id": "d", "name": "D", "symbol": "D", "quotes": {"USD": {"price": 0}}}
    [quote] = COINPAPRIKA.parse(json.dumps([row]).encode(), FETCHED).quotes
    assert quote.price is None


def test_each_rejection_has_its_reason_and_its_place_in_the_page() -> None:
    parsed = COINPAPRIKA.parse(RECORDED.encode(), FETCHED)
    assert [(rejection.row, rejection.reason) for rejection in parsed.rejections] == [
        (6, "quotes.USD is not an object"),
        (7, "price is not a number but a dict"),
        (8, "id is missing"),
        (9, "the row is not an object"),
    ]
