"""Kraken's `/public/Ticker`, with `/public/AssetPairs` to say which assets a pair is of; those in USD and USDT count.

Facts (https://docs.kraken.com/api/docs/rest-api/get-ticker-information, …/get-tradable-asset-pairs): without `pair` the
answer holds all pairs, by a name (`XXBTZUSD`, `ADAUSD`) that only AssetPairs takes apart: `base` (`XXBT`), `quote`
(`ZUSD`, `USDT`), `wsname` (`XBT/USD`). In `c` the first is the last price; in `v` (volume), `p` (the average price,
weighted by volume), `t` (trades), `h` and `l` the second is of the last 24 hours; `o` is the price at midnight (UTC),
so there is no change over 24 hours. No row has a time. Volumes are in the base asset: what changed hands in dollars is
volume times weighted price, multiplied here without rounding.

Errors (https://support.kraken.com/hc/en-us/articles/360001491786, https://docs.kraken.com/exchange/guides/general/errors)
come with status 200: `{"error": ["EAPI:Rate limit exceeded"]}`, severity (E or W, a warning), category, message.

Kraken has names of its own for two coins: XBT for BTC, XDG for DOGE
(https://support.kraken.com/hc/en-us/articles/360000920306). Two pairs of an asset: the one in dollars counts, else the
one with more volume. A price in USDT is taken for one in dollars; the job's notes count both.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal
from typing import NoReturn

from core import exact_json
from core.errors import GiveUp, RateLimited, Retry
from core.figures import MOST_DIGITS, decimal_of
from core.http import Answer, get_json
from core.models import JsonObject, Page, Parsed, Quote
from core.sources import json_rows
from core.sources.exchange import MONEY, largest
from core.sources.source import Ask

_DOLLARS = {"ZUSD": "USD", "USD": "USD", "USDT": "USDT"}
_RENAMED = {"XBT": "BTC", "XDG": "DOGE"}
_PAUSE = 15.0  # seconds: Kraken names no time, and speaks of "a few seconds (or possibly longer)"
_LOCKOUT = 900.0  # seconds: "approximately 15 minutes"
_LONGEST_ERROR = 200  # characters
_EXACT = Context(prec=2 * MOST_DIGITS)


@dataclass(frozen=True, slots=True)
class _Market:
    """A pair that counts: its place in the answer, its row, and which asset it quotes in what."""

    place: int
    row: object
    asset: str
    symbol: str
    quoted_in: str

    @property
    def volume(self) -> Decimal | None:
        """What changed hands in 24 hours, in dollars; None when the row doesn't say."""
        try:
            return _volume(self.row) if isinstance(self.row, dict) else None
        except ValueError:
            return None

    def as_row(self) -> object:
        """The row with its asset, as a rejection shows it."""
        return {"asset": self.asset, "symbol": self.symbol, **self.row} if isinstance(self.row, dict) else self.row


class Kraken:
    """One page a fetch, of two requests. Its body is the ticker; its meta has the pairs, and `limit` as in Binance."""

    name = "kraken"
    default_limit: int | None = 100

    def pages(self, ask: Ask, cursor: JsonObject) -> Iterator[Page]:  # noqa: ARG002 - there is but one page
        """The one page there is. An answer without a pair in dollars that is traded is a failure (Retry)."""
        pairs = _pairs(_result(self._ask(ask, "AssetPairs").value))
        fetched_at = datetime.now(UTC)
        answer = self._ask(ask, "Ticker")
        if not _markets(_result(answer.value), pairs):
            raise Retry(f"{self.name} answered with an empty market")
        meta: JsonObject = {"limit": ask.limit, "fetched_at": fetched_at.isoformat(), "pairs": pairs}
        yield Page(1, answer.body, meta, {}, last=True)

    def parse(self, body: bytes, meta: JsonObject) -> Parsed:
        """One pair an asset, those with the most volume, as many as the limit, each as a Quote or a Rejection."""
        try:
            value = exact_json.read(body)
        except ValueError as error:
            raise GiveUp(f"A page of {self.name} can't be read: {error}") from None
        result = value.get("result") if isinstance(value, dict) else None
        pairs = meta.get("pairs")
        if not isinstance(result, dict) or not isinstance(pairs, Mapping):
            raise GiveUp(f"A page of {self.name} isn't a list of quotes")
        markets = largest(_markets(result, pairs), lambda market: market.volume, meta.get("limit"))
        parsed = json_rows.parse_rows(((market.place, market.as_row()) for market in markets), _quote)
        kinds = Counter(market.quoted_in for market in markets)
        return Parsed(parsed.quotes, parsed.rejections, {"quoted_in": dict(sorted(kinds.items()))})

    def _ask(self, ask: Ask, what: str) -> Answer:
        return get_json(
            self.name,
            f"{ask.settings.kraken_api_url}/public/{what}",
            params={},
            timeout=ask.settings.http_timeout,
            turn=ask.turn,
        )


def _result(value: object) -> Mapping[str, object]:
    """What an answer holds. Raises by what its errors call for; Retry when it holds nothing of use."""
    errors = value.get("error") if isinstance(value, dict) else None
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, str) and not error.startswith("W"):
            _refuse(error)
    result = value.get("result") if isinstance(value, dict) else None
    if not isinstance(result, dict):
        raise Retry("kraken answered with JSON that isn't a list of pairs")
    return result


def _refuse(error: str) -> NoReturn:
    said = " ".join("".join(char if char.isprintable() else " " for char in error).split())[:_LONGEST_ERROR]
    category, _, message = said.partition(":")
    if "lockout" in message:
        raise RateLimited("Rate limit exceeded", _LOCKOUT)
    if message.strip().startswith("Throttled"):
        raise RateLimited("Rate limit exceeded", _until(message))
    if "Rate limit" in message or "Too many requests" in message:
        raise RateLimited("Rate limit exceeded", _PAUSE)
    passing = category == "EService" or message.startswith("Internal error")
    raise (Retry if passing else GiveUp)(f"kraken answered {said}")


def _until(message: str) -> float:
    """The seconds to the time in `Throttled: 1700000000`; a pause where there is none to come."""
    text = message.rpartition(":")[2].strip()
    wait = int(text) - time.time() if text.isascii() and text.isdigit() and len(text) < 12 else 0.0
    return wait if wait > 0 else _PAUSE


def _pairs(result: Mapping[str, object]) -> dict[str, list[str]]:
    """By name, of each pair of a coin in dollars, its asset, the asset's symbol, and what it is quoted in.

    Raises Retry when there is none. A pair that is on no public book has no `wsname`.
    """
    pairs = {}
    for name, row in result.items():
        texts = [row.get(field) for field in ("base", "quote", "wsname")] if isinstance(row, dict) else []
        base, quote, spelled = (text if isinstance(text, str) else "" for text in texts or ("", "", ""))
        symbol, parted, _ = spelled.partition("/")
        if base and parted and symbol not in MONEY and quote in _DOLLARS:
            pairs[name] = [base, _RENAMED.get(symbol, symbol), _DOLLARS[quote]]
    if not pairs:
        raise Retry("kraken answered with an empty list of pairs")
    return pairs


def _markets(result: Mapping[str, object], pairs: Mapping[str, object]) -> list[_Market]:
    """The pairs that count, one an asset: readable before not, dollars before USDT, then the one with more volume."""
    best: dict[str, tuple[tuple[bool, bool, Decimal], _Market]] = {}
    for place, (name, row) in enumerate(result.items(), 1):
        pair = pairs.get(name)
        if not isinstance(pair, list) or _is_idle(row):
            continue
        market = _Market(place, row, *pair)
        volume = market.volume
        order = (volume is None, market.quoted_in != "USD", (volume or Decimal(0)).copy_negate())
        if market.asset not in best or order < best[market.asset][0]:
            best[market.asset] = (order, market)
    return [market for _, market in best.values()]


def _is_idle(row: object) -> bool:
    """Whether nobody traded for 24 hours: the price is then none of today."""
    trades = row.get("t") if isinstance(row, dict) else None
    return isinstance(trades, list) and len(trades) > 1 and trades[1] == 0


def _figure(row: json_rows.Row, field: str, at: int) -> Decimal | None:
    """The figure at this place of a field's list; None where there is none. Raises ValueError naming the field."""
    values = row.get(field)
    if values is None:
        return None
    if not isinstance(values, list) or len(values) <= at:
        raise ValueError(f"{field} is not a list of {at + 1} or more")
    return json_rows.figure_of({field: values[at]}, field)


def _volume(row: json_rows.Row) -> Decimal | None:
    volume, average = _figure(row, "v", 1), _figure(row, "p", 1)
    if volume is None or average is None:
        return None
    try:
        return decimal_of(_EXACT.multiply(volume, average))
    except ValueError as error:
        raise ValueError(f"v times p {error}") from None


def _quote(row: json_rows.Row) -> Quote:
    return Quote(
        source_id=json_rows.text_of(row, "asset"),
        symbol=json_rows.text_of(row, "symbol"),
        name="",  # Kraken gives none, and a symbol in its place would pass for a name that somebody knows
        price=_figure(row, "c", 0),
        volume_24h=_volume(row),
        high_24h=_figure(row, "h", 1),
        low_24h=_figure(row, "l", 1),
    )


KRAKEN = Kraken()
