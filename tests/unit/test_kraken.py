"""What only Kraken does: two requests a page, names of its own, and errors that come with status 200."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import pytest

from core.errors import GiveUp, RateLimited, Retry
from core.models import JsonObject, Page, Quote
from core.settings import Settings
from core.sources.kraken import KRAKEN
from core.sources.source import Ask
from tests.upstream.server import KRAKEN as TICKER
from tests.upstream.server import KRAKEN_PAIRS as PAIRS
from tests.upstream.server import Upstream


def fetch(upstream: Upstream, limit: int | None = 50) -> Page:
    [page] = KRAKEN.pages(Ask(Settings.from_env(upstream.environ), limit), {})
    return page


def read(rows: Mapping[str, object], pairs: Mapping[str, list[str]], limit: int | None = None) -> list[Quote]:
    meta: JsonObject = {"limit": limit, "pairs": pairs}
    return list(KRAKEN.parse(json.dumps({"error": [], "result": rows}).encode(), meta).quotes)


def row(price: str, volume: str = "1", average: str = "1", trades: int = 1) -> dict[str, object]:
    return {"c": [price, "1"], "v": ["9", volume], "p": ["9", average], "t": [9, trades]}


def answer(error: str) -> str:
    return json.dumps({"error": [error]})


def test_two_requests_bring_everything(upstream: Upstream) -> None:
    page = fetch(upstream)
    assert [seen.path for seen in upstream.log] == ["/0/public/AssetPairs", "/0/public/Ticker"]
    assert KRAKEN.parse(page.body, page.meta).rows == 50


def test_kraken_keeps_its_ids_and_its_symbols_are_spelled_as_everyone_does(upstream: Upstream) -> None:
    page = fetch(upstream, None)
    symbols = {quote.source_id: quote.symbol for quote in KRAKEN.parse(page.body, page.meta).quotes}
    assert {name: symbols[name] for name in ("XXBT", "XETH", "XXRP", "XXDG", "SOL")} == {
        "XXBT": "BTC", "XETH": "ETH", "XXRP": "XRP", "XXDG": "DOGE", "SOL": "SOL"
    }  # fmt: skip


def test_the_volume_in_dollars_is_multiplied_without_rounding() -> None:
    volume, average = "4412.73601799123456789", "63689.13205123456789"
    [quote] = read({"A": row("1", volume, average)}, {"A": ["A", "A", "USD"]})
    assert quote.volume_24h is not None
    sign, digits, exponent = quote.volume_24h.as_tuple()
    assert (sign, exponent) == (0, -31)
    assert int("".join(map(str, digits))) == 441273601799123456789 * 6368913205123456789


def test_of_two_pairs_of_an_asset_dollars_come_before_usdt_then_volume_counts() -> None:
    rows = {"1": row("1", "500"), "2": row("2", "5"), "3": row("3", "50"), "4": row("4", "7"), "5": row("5", "70")}
    pairs = {"1": ["A", "A", "USDT"], "2": ["A", "A", "USD"], "3": ["A", "A", "USD"]}
    pairs |= {"4": ["B", "B", "USDT"], "5": ["B", "B", "USDT"]}
    quotes = read(rows, pairs)
    assert {quote.symbol: quote.price for quote in quotes} == {"A": 3, "B": 5}


def test_a_pair_that_can_be_read_comes_before_one_that_cant() -> None:
    [quote] = read({"1": "?", "2": row("2")}, {"1": ["A", "A", "USD"], "2": ["A", "A", "USDT"]})
    assert quote.price == 2


def test_the_limit_takes_what_is_traded_most_and_what_nobody_trades_is_no_quote() -> None:
    rows = {"A": row("1", "2"), "B": row("1", "3", "10"), "C": row("1", "4"), "D": row("1", "0", trades=0)}
    pairs = {name: [name, name, "USD"] for name in rows}
    assert [quote.symbol for quote in read(rows, pairs, 2)] == ["B", "C"]
    assert [quote.symbol for quote in read(rows, pairs)] == ["B", "C", "A"]


def test_no_time_and_no_change_are_claimed_for_kraken_tells_neither() -> None:
    [quote] = read({"A": {**row("1"), "o": "0.5"}}, {"A": ["A", "A", "USD"]})
    assert (quote.observed_at, quote.price_change_24h, quote.market_cap, quote.name) == (None, None, None, "")


def test_the_notes_count_what_was_quoted_in_what() -> None:
    body = json.dumps({"result": {"1": row("1"), "2": row("2"), "3": row("3")}}).encode()
    meta: JsonObject = {"pairs": {"1": ["A", "A", "USDT"], "2": ["B", "B", "USD"], "3": ["C", "C", "USD"]}}
    assert KRAKEN.parse(body, meta).notes == {"quoted_in": {"USD": 2, "USDT": 1}}


@pytest.mark.parametrize("path", [PAIRS, TICKER])
@pytest.mark.parametrize(
    ("error", "raised", "said"),
    [
        ("EService:Unavailable", Retry, "kraken answered EService:Unavailable"),
        ("EService:Busy", Retry, "kraken answered EService:Busy"),
        ("EGeneral:Internal error", Retry, "kraken answered EGeneral:Internal error"),
        ("EGeneral:Invalid arguments", GiveUp, "kraken answered EGeneral:Invalid arguments"),
        ("EQuery:Unknown\nasset\x00pair", GiveUp, "kraken answered EQuery:Unknown asset pair"),
        ("something new", GiveUp, "kraken answered something new"),
    ],
)
def test_an_error_in_a_200_is_judged_by_its_category(
    upstream: Upstream, path: str, error: str, raised: type[Exception], said: str
) -> None:
    upstream.behave(path, body=answer(error))
    with pytest.raises(raised) as caught:
        fetch(upstream)
    assert type(caught.value) is raised
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        ("EAPI:Rate limit exceeded", 15, 15),
        ("EGeneral:Too many requests", 15, 15),
        ("EGeneral:Temporary lockout", 900, 900),
        ("EService: Throttled: {soon}", 1, 60),
        ("EService: Throttled: 1600000000", 15, 15),
        ("EService: Throttled: soon", 15, 15),
    ],
)
def test_a_rate_limit_in_a_200_is_waited_for(upstream: Upstream, error: str, least: float, most: float) -> None:
    upstream.behave(TICKER, body=answer(error.format(soon=int(time.time()) + 60)))
    with pytest.raises(RateLimited) as caught:
        fetch(upstream)
    assert caught.value.retry_after is not None
    assert least <= caught.value.retry_after <= most


def test_a_warning_is_no_error(upstream: Upstream) -> None:
    upstream.behave(TICKER, body=json.dumps({"error": ["WGeneral:Danger"], "result": {"XXBTZUSD": row("1")}}))
    page = fetch(upstream)
    assert [quote.symbol for quote in KRAKEN.parse(page.body, page.meta).quotes] == ["BTC"]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (PAIRS, '{"error": [], "result": {}}', "an empty list of pairs"),
        (TICKER, '{"error": [], "result": {}}', "an empty market"),
        (TICKER, '{"error": [], "result": {"ELSEUSD": {}}}', "an empty market"),
        (TICKER, '{"error": []}', "JSON that isn't a list of pairs"),
        (TICKER, "[]", "JSON that isn't a list of pairs"),
    ],
)
def test_an_answer_that_holds_nothing_is_a_failure(upstream: Upstream, path: str, body: str, said: str) -> None:
    upstream.behave(path, body=body)
    with pytest.raises(Retry, match=f"kraken answered with {said}"):
        fetch(upstream)
