"""What only Binance does: pairs instead of coins, and a list that forgets nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.errors import GiveUp, RateLimited, Retry
from core.models import JsonObject, Page, Quote
from core.settings import Settings
from core.sources.binance import BINANCE
from core.sources.source import Ask
from tests.unit.source_cases import BINANCE as RECORDED
from tests.upstream.server import BINANCE as PATH
from tests.upstream.server import Upstream

FETCHED: JsonObject = {"fetched_at": "2024-06-01T12:00:00+00:00", "limit": None}


def fetch(upstream: Upstream, limit: int | None = 50) -> Page:
    [page] = BINANCE.pages(Ask(Settings.from_env(upstream.environ), limit), {})
    return page


def read(*rows: object, limit: int | None = None) -> list[Quote]:
    return list(BINANCE.parse(json.dumps(rows).encode(), {**FETCHED, "limit": limit}).quotes)


def row(symbol: str, volume: str = "1", **values: object) -> dict[str, object]:
    return {"symbol": symbol, "lastPrice": "1", "quoteVolume": volume, "count": 1, **values}


def test_one_request_without_parameters_brings_everything(upstream: Upstream) -> None:
    page = fetch(upstream)
    [seen] = upstream.log
    assert (seen.path, seen.query) == ("/api/v3/ticker/24hr", {})
    assert BINANCE.parse(page.body, page.meta).rows == 50


def test_a_row_becomes_a_quote_of_its_asset_without_cap_and_name() -> None:
    parsed = BINANCE.parse(RECORDED.encode(), FETCHED)
    assert parsed.notes == {"quoted_in": "USDT"}
    assert parsed.quotes[0] == Quote(
        source_id="BTC",
        symbol="BTC",
        name="",
        price=Decimal("64123.10000000"),
        volume_24h=Decimal("1920015300.12345678"),
        price_change_24h=Decimal("0.321"),
        high_24h=Decimal("65001.50000000"),
        low_24h=Decimal("63870.00000000"),
        observed_at=datetime(2024, 6, 1, 11, 59, 59, 426000, tzinfo=UTC),
    )


def test_the_limit_takes_what_is_traded_most_in_dollars() -> None:
    rows = [row("AUSDT", "2"), row("BUSDT", "30"), row("CUSDT", "x"), row("DUSDT", "4.5"), row("EBTC", "99")]
    assert [quote.symbol for quote in read(*rows, limit=2)] == ["B", "D"]


def test_other_quote_assets_money_and_pairs_that_nobody_trades_are_no_quotes() -> None:
    day = 86_400_000
    rows = [
        row("AUSDT", closeTime=1_800_000_000_000),
        row("ABUSD"), row("AFDUSD"), row("ABTC"), row("USDTTRY"), row("EURUSDT"),
        row("OLDUSDT", count=0),
        row("VENUSDT", closeTime=1_800_000_000_000 - day),
        row("LATEUSDT", closeTime=1_800_000_000_000 - day + 1),
    ]  # fmt: skip
    assert [quote.symbol for quote in read(*rows)] == ["A", "LATE"]


@pytest.mark.parametrize("closed", [None, "1717243199426", 0, -1, 10**15, 1.5e30, True])
def test_a_time_that_cant_be_is_none(closed: object) -> None:
    assert [quote.observed_at for quote in read(row("AUSDT", closeTime=closed))] == [None]


def test_a_time_far_ahead_is_none() -> None:
    assert [quote.observed_at for quote in read(row("AUSDT", closeTime=1_800_000_000_000))] == [None]


@pytest.mark.parametrize("body", ["[]", json.dumps([row("ETHBTC")]), json.dumps([row("AUSDT", count=0)])])
def test_a_list_without_a_market_is_a_failure(upstream: Upstream, body: str) -> None:
    upstream.behave(PATH, body=body)
    with pytest.raises(Retry, match="binance answered with an empty market"):
        fetch(upstream)


def test_a_ban_is_waited_for_and_says_for_how_long(upstream: Upstream) -> None:
    upstream.behave(PATH, status=418, retry_after="120", body='{"code": -1003, "msg": "Way too many requests"}')
    with pytest.raises(RateLimited) as caught:
        fetch(upstream)
    assert caught.value.retry_after == 120


def test_its_own_words_are_passed_on(upstream: Upstream) -> None:
    upstream.behave(PATH, status=451, body='{"code": 0, "msg": "Service unavailable from a restricted location"}')
    with pytest.raises(GiveUp, match=r"binance answered 451 .*: Service unavailable from a restricted location"):
        fetch(upstream)
