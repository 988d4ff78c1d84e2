"""What the providers have to tell: rows of JSON text, made up or out of recorded answers, with every digit kept."""

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
    """The rows of CoinGecko's `/coins/markets` and of CoinPaprika's `/tickers`, each a piece of JSON text.

    Of the exchanges: the rows of Binance's `/ticker/24hr`, and the pairs of name and row in Kraken's two answers.
    """

    coingecko: tuple[str, ...]
    coinpaprika: tuple[str, ...]
    binance: tuple[str, ...] = ()
    kraken: tuple[str, ...] = ()
    kraken_pairs: tuple[str, ...] = ()

    def coingecko_page(self, page: int, per_page: int) -> bytes:
        """One page, as CoinGecko cuts it: 250 rows at most, whatever was asked."""
        size = min(max(per_page, 1), LARGEST_PAGE)
        return joined(self.coingecko[(page - 1) * size : page * size])

    def coinpaprika_list(self) -> bytes:
        return joined(self.coinpaprika)

    def binance_list(self) -> bytes:
        return joined(self.binance)

    def kraken_answer(self, ticker: bool) -> bytes:
        rows = self.kraken if ticker else self.kraken_pairs
        return f'{{"error":[],"result":{{{",".join(rows)}}}}}'.encode()


def joined(rows: tuple[str, ...]) -> bytes:
    return f"[{','.join(rows)}]".encode()


def made_up(size: int, at: datetime = MADE_AT) -> Markets:
    market = list(coins(size, at))
    return Markets(
        tuple(map(_coingecko_row, market)),
        tuple(map(_coinpaprika_row, market)),
        tuple(map(_binance_row, market)),
        tuple(map(_kraken_row, market)),
        tuple(map(_kraken_pair, market)),
    )


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


def _binance_row(coin: Coin) -> str:
    closed = int(coin.at.timestamp() * 1000) + 426
    return (
        f'{{"symbol":"{coin.asset}USDT","priceChange":"{coin.price * coin.change / 100:.8f}",'
        f'"priceChangePercent":"{coin.change:.3f}","weightedAvgPrice":"{coin.price:.12f}",'
        f'"lastPrice":"{coin.price:.12f}","highPrice":"{coin.price * Decimal("1.02"):.12f}",'
        f'"lowPrice":"{coin.price * Decimal("0.98"):.12f}","volume":"{coin.volume / coin.price:.8f}",'
        f'"quoteVolume":"{coin.volume}.00000000","openTime":{closed - 86400000},"closeTime":{closed},"count":7}}'
    )


# What Kraken calls the coins that it named before names were agreed on.
_KRAKEN = {"BTC": ("XXBT", "XBT"), "ETH": ("XETH", "ETH"), "XRP": ("XXRP", "XRP"), "DOGE": ("XXDG", "XDG")}


def _kraken_name(coin: Coin) -> tuple[str, str, str]:
    """Asset, its spelling, and the pair's name."""
    asset, spelled = _KRAKEN.get(coin.asset, (coin.asset, coin.asset))
    return asset, spelled, f"{asset}ZUSD" if coin.asset in _KRAKEN else f"{asset}USD"


def _kraken_row(coin: Coin) -> str:
    _, _, pair = _kraken_name(coin)
    price = f"{coin.price:.12f}"
    return (
        f'"{pair}":{{"a":["{price}","1","1.000"],"b":["{price}","1","1.000"],"c":["{price}","0.00067643"],'
        f'"v":["1.00000000","{coin.volume / coin.price:.8f}"],"p":["{price}","{price}"],"t":[3,7],'
        f'"l":["{price}","{coin.price * Decimal("0.98"):.12f}"],"h":["{price}","{coin.price * Decimal("1.02"):.12f}"],'
        f'"o":"{price}"}}'
    )


def _kraken_pair(coin: Coin) -> str:
    asset, spelled, pair = _kraken_name(coin)
    return (
        f'"{pair}":{{"altname":"{spelled}USD","wsname":"{spelled}/USD","aclass_base":"currency","base":"{asset}",'
        f'"aclass_quote":"currency","quote":"ZUSD","status":"online"}}'
    )
