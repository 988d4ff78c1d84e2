"""What the two APIs have to tell: rows of JSON text, made up or out of recorded answers, with every digit kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from tests.upstream.coins import Coin, coins

MADE_AT = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
LARGEST_PAGE = 250


@dataclass(frozen=True)
class Markets:
    """The rows of CoinGecko's `/coins/markets` and of CoinPaprika's `/tickers`, each a piece of JSON text."""

    coingecko: tuple[str, ...]
    coinpaprika: tuple[str, ...]

    def coingecko_page(self, page: int, per_page: int) -> bytes:
        """One page, as CoinGecko cuts it: 250 rows at most, whatever was asked."""
        size = min(max(per_page, 1), LARGEST_PAGE)
        return joined(self.coingecko[(page - 1) * size : page * size])

    def coinpaprika_list(self) -> bytes:
        return joined(self.coinpaprika)


def joined(rows: tuple[str, ...]) -> bytes:
    return f"[{','.join(rows)}]".encode()


def made_up(size: int, at: datetime = MADE_AT) -> Markets:
    market = list(coins(size, at))
    return Markets(tuple(map(_coingecko_row, market)), tuple(map(_coinpaprika_row, market)))


def moving(size: int, clock: Callable[[], datetime]) -> Callable[[], Markets]:
    """A market whose prices and times follow the clock, minute by minute."""
    known: dict[datetime, Markets] = {}

    def now() -> Markets:
        minute = clock().replace(second=0, microsecond=0)
        if minute not in known:
            known.clear()
            known[minute] = made_up(size, minute)
        return known[minute]

    return now


def recorded_rows(text: str) -> tuple[str, ...]:
    """The rows of a recorded list, cut out of its text."""
    decoder = json.JSONDecoder()
    rows, place = [], _next_row(text, text.index("[") + 1)
    while text[place] != "]":
        _, end = decoder.raw_decode(text, place)
        rows.append(text[place:end])
        place = _next_row(text, end)
    return tuple(rows)


def _next_row(text: str, place: int) -> int:
    while text[place] in ", \t\r\n":
        place += 1
    return place


def _number(figure: Decimal) -> str:
    """As these APIs write it: a float's digits, exponents in small letters and with a sign."""
    return repr(float(f"{figure:.8g}"))


def _coingecko_row(coin: Coin) -> str:
    high, low = coin.price * Decimal("1.02"), coin.price * Decimal("0.98")
    text = json.dumps({"id": coin.gecko_id, "symbol": coin.symbol.lower(), "name": coin.name})[:-1]
    return (
        f'{text},"image":"https://assets.example/{coin.number}.png","current_price":{_number(coin.price)},'
        f'"market_cap":{coin.cap},"market_cap_rank":{coin.number},"fully_diluted_valuation":null,'
        f'"total_volume":{coin.volume},"high_24h":{_number(high)},"low_24h":{_number(low)},'
        f'"price_change_24h":{_number(coin.price * coin.change / 100)},'
        f'"price_change_percentage_24h":{_number(coin.change)},"circulating_supply":{_number(coin.cap / coin.price)},'
        f'"total_supply":{_number(coin.cap / coin.price)},"max_supply":null,"roi":null,'
        f'"last_updated":"{coin.at:%Y-%m-%dT%H:%M:%S}.426Z"}}'
    )


def _coinpaprika_row(coin: Coin) -> str:
    text = json.dumps({"id": coin.paprika_id, "name": coin.name, "symbol": coin.symbol})[:-1]
    return (
        f'{text},"rank":{coin.number},"total_supply":{int(coin.cap / coin.price)},"max_supply":0,"beta_value":0.95,'
        f'"first_data_at":"2019-01-01T00:00:00Z","last_updated":"{coin.at:%Y-%m-%dT%H:%M:%S}Z","quotes":{{"USD":{{'
        f'"price":{_number(coin.paprika_price)},"volume_24h":{coin.volume},"market_cap":{coin.cap},'
        f'"percent_change_24h":{_number(coin.change)},"ath_price":0,"ath_date":""}}}}}}'
    )
