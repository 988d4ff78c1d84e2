"""Binance's `/ticker/24hr`: every pair that it trades in one answer, of which those in USDT are read.

Facts (https://github.com/binance/binance-spot-api-docs, rest-api.md): without a symbol the answer is a list of all
pairs; `lastPrice` and the other figures are text with all their digits; `quoteVolume` is what changed hands within 24
hours, in the quote asset; `priceChangePercent` is over the same 24 hours; `closeTime`, their end, is in milliseconds;
`count` is the number of trades. 429 and 418 (banned for ignoring 429) come with Retry-After, 451 goes to countries that
it doesn't serve. An error is `{"code": -1121, "msg": "…"}`.

The list names pairs (`BTCUSDT`) and not their assets. An ending in USDT has one reading; one in USD has several
(`BTCFDUSD`, `BTCTUSD` are in other stable coins), and api.binance.com trades no dollars: so USDT it is. A price in USDT
is taken for one in dollars, and the job's notes say so.

Pairs that are traded no more stay in the list, with the figures of their last day, or with zeros
(https://github.com/ccxt/node-binance-api/issues/289): a pair without a trade, or whose 24 hours ended a day before
the newest ones of the list, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from core.errors import Retry
from core.http import get_json
from core.models import JsonObject, Page, Parsed, Quote
from core.sources import json_rows
from core.sources.exchange import MONEY, largest
from core.sources.source import Ask

_QUOTED_IN = "USDT"
_CLOSED = timedelta(days=1)
_SINCE = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MILLISECOND = 10**14  # in the year 5138; later ones are no time, and far from what datetime can hold


class Binance:
    """One page a fetch; `limit` in its meta is how many of the assets with the most volume count."""

    name = "binance"
    default_limit: int | None = 100

    def pages(self, ask: Ask, cursor: JsonObject) -> Iterator[Page]:  # noqa: ARG002 - there is but one page
        """The one page there is. A list without a pair in USDT that is traded is a failure (Retry)."""
        fetched_at = datetime.now(UTC)
        answer = get_json(
            self.name,
            f"{ask.settings.binance_api_url}/ticker/24hr",
            params={},
            timeout=ask.settings.http_timeout,
            turn=ask.turn,
        )
        if not _markets(json_rows.market_of(self.name, answer, {})):
            raise Retry(f"{self.name} answered with an empty market")
        yield Page(1, answer.body, {"limit": ask.limit, "fetched_at": fetched_at.isoformat()}, {}, last=True)

    def parse(self, body: bytes, meta: JsonObject) -> Parsed:
        """The pairs in USDT with the most volume, as many as the limit, each as a Quote of the asset or a Rejection."""
        markets = _markets(json_rows.rows_of(self.name, body))
        now = json_rows.fetched_at(meta)
        parsed = json_rows.parse_rows(
            largest(markets, lambda placed: _volume(placed[1]), meta.get("limit")), lambda row: _quote(row, now)
        )
        return Parsed(parsed.quotes, parsed.rejections, {"quoted_in": _QUOTED_IN})


def _markets(rows: list[object]) -> list[tuple[int, object]]:
    """The rows to read, with their places in the list. What can't be told to be another pair is one to reject."""
    newest = max((closed for closed in map(_closed_at, rows) if closed), default=_SINCE)
    return [(place, row) for place, row in enumerate(rows, 1) if _asset(row) not in MONEY and _is_open(row, newest)]


def _is_open(row: object, newest: datetime) -> bool:
    if not isinstance(row, dict):
        return True
    symbol, closed = row.get("symbol"), _closed_at(row)
    if isinstance(symbol, str) and not symbol.endswith(_QUOTED_IN):
        return False
    return row.get("count") != 0 and (closed is None or newest - closed < _CLOSED)


def _asset(row: object) -> str:
    symbol = row.get("symbol") if isinstance(row, dict) else None
    return symbol.removesuffix(_QUOTED_IN) if isinstance(symbol, str) else ""


def _closed_at(row: object) -> datetime | None:
    """When the 24 hours of a row ended; None when it doesn't say."""
    value = row.get("closeTime") if isinstance(row, dict) else None
    if not isinstance(value, Decimal) or not 0 < value < _LAST_MILLISECOND:
        return None
    return _SINCE + timedelta(milliseconds=int(value))


def _volume(row: object) -> Decimal | None:
    try:
        return json_rows.figure_of(row, "quoteVolume") if isinstance(row, dict) else None
    except ValueError:
        return None


def _quote(row: json_rows.Row, now: datetime) -> Quote:
    asset = json_rows.text_of(row, "symbol").removesuffix(_QUOTED_IN)
    if not asset:
        raise ValueError("symbol names no asset")
    closed = _closed_at(row)
    return Quote(
        source_id=asset,
        symbol=asset,
        name="",  # Binance gives none, and a symbol in its place would pass for a name that somebody knows
        price=json_rows.figure_of(row, "lastPrice"),
        volume_24h=json_rows.figure_of(row, "quoteVolume"),
        price_change_24h=json_rows.figure_of(row, "priceChangePercent"),
        high_24h=json_rows.figure_of(row, "highPrice"),
        low_24h=json_rows.figure_of(row, "lowPrice"),
        observed_at=closed if closed and closed <= now + _CLOSED else None,
    )


BINANCE = Binance()
