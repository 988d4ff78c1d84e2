"""CoinPaprika's `/tickers`: all active coins in one answer (the free plan's first 2,000), in US dollars.

Facts (https://api.coinpaprika.com, and its answer of September 2019 with 2,541 coins): there is no limit parameter;
the order is not the rank's; an unknown cap or supply is 0 (680 caps, 680 circulating and 367 total supplies, 1,998
maximums), never null; no price and no volume is 0. `circulating_supply` is absent on the free plan. A key is sent as
it is in `Authorization`, and only paid plans have one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlsplit

from core.errors import Retry
from core.figures import moment_of
from core.http import get_json
from core.models import JsonObject, Page, Parsed, Quote
from core.sources import json_rows
from core.sources.source import Ask


class CoinPaprika:
    """One page a fetch; `limit` in its meta is how many of the best ranked coins count."""

    name = "coinpaprika"
    default_limit: int | None = 50

    def pages(self, ask: Ask, cursor: JsonObject) -> Iterator[Page]:  # noqa: ARG002 - there is but one page
        """The one page there is. An empty list is a failure (Retry): there is always a market."""
        settings = ask.settings
        secrets = key_header(settings.coinpaprika_api_url, settings.coinpaprika_api_key)
        fetched_at = datetime.now(UTC)
        answer = get_json(
            self.name,
            f"{settings.coinpaprika_api_url}/tickers",
            params={"quotes": "USD"},
            timeout=settings.http_timeout,
            secrets=secrets,
            turn=ask.turn,
        )
        if not json_rows.market_of(self.name, answer, secrets):
            raise Retry(f"{self.name} answered with an empty market")
        yield Page(1, answer.body, {"limit": ask.limit, "fetched_at": fetched_at.isoformat()}, {}, last=True)

    def parse(self, body: bytes, meta: JsonObject) -> Parsed:
        """The best ranked rows, as many as the limit, each as a Quote or a Rejection; rows without a rank come last."""
        rows = list(enumerate(json_rows.rows_of(self.name, body), 1))
        limit = meta.get("limit")
        if isinstance(limit, int):
            rows = sorted(rows, key=lambda placed: _rank(placed[1]))[:limit]
        now = json_rows.fetched_at(meta)
        return json_rows.parse_rows(rows, lambda row: _quote(row, now))


def key_header(url: str, key: str) -> dict[str, str]:
    """The header that carries `key`; none on the free plan's own host, which has no use for it."""
    free = urlsplit(url).hostname == "api.coinpaprika.com"
    return {"Authorization": key} if key and not free else {}


def _rank(row: object) -> float:
    try:
        rank = json_rows.rank_in(row, "rank") if isinstance(row, dict) else None
    except ValueError:
        rank = None
    return float("inf") if rank is None else rank


def _quote(row: json_rows.Row, now: datetime) -> Quote:
    source_id = json_rows.id_of(row)
    symbol, name = json_rows.symbol_and_name_of(row)
    dollars = _dollars(row)
    return Quote(
        source_id=source_id,
        symbol=symbol,
        name=name,
        price=_known(json_rows.figure_of(dollars, "price")),
        market_cap=_known(json_rows.figure_of(dollars, "market_cap")),
        # 0 is kept: a day without trade is a fact.
        volume_24h=json_rows.figure_of(dollars, "volume_24h"),
        price_change_24h=json_rows.figure_of(dollars, "percent_change_24h"),
        circulating_supply=_known(json_rows.figure_of(row, "circulating_supply")),
        total_supply=_known(json_rows.figure_of(row, "total_supply")),
        max_supply=_known(json_rows.figure_of(row, "max_supply")),
        rank=json_rows.rank_in(row, "rank"),
        observed_at=moment_of(row.get("last_updated"), now),
    )


def _dollars(row: json_rows.Row) -> json_rows.Row:
    """The figures in dollars; none of them when the row has none. Raises ValueError when they are no object."""
    quotes = row.get("quotes")
    dollars = quotes.get("USD") if isinstance(quotes, dict) else quotes
    if dollars is None:
        return {}
    if not isinstance(dollars, dict):
        raise ValueError("quotes.USD is not an object")
    return dollars


def _known(figure: Decimal | None) -> Decimal | None:
    """None for 0, which here stands for unknown: no coin costs nothing, is worth nothing or has no supply."""
    return figure or None


COINPAPRIKA = CoinPaprika()
