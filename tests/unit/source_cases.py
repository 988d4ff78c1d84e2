"""A recorded-like answer for each source in the registry, and how to serve it: what the conformance suite runs on.

A source of yours is added here: what it would fetch, and what must come of it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from core.settings import Settings
from core.sources.source import Ask
from tests.upstream.markets import Markets, made_up, recorded_rows
from tests.upstream.server import Upstream

COINGECKO = """[
 {"id": "bitcoin", "symbol": "btc", "name": "Bitcoin", "current_price": 64123, "market_cap": 1263170870735,
  "market_cap_rank": 1, "total_volume": 19584692179, "high_24h": 65001.5, "low_24h": 63870,
  "price_change_percentage_24h": 0.32173, "circulating_supply": 19700000.0, "total_supply": 21000000.0,
  "max_supply": 21000000.0, "roi": null, "last_updated": "2022-02-23T11:23:11.426Z"},
 {"id": "a-speck", "symbol": "spk", "name": " Speck ", "current_price": 1.223e-09, "market_cap": null,
  "market_cap_rank": null, "total_volume": 5.4, "high_24h": null, "low_24h": null,
  "price_change_percentage_24h": null, "circulating_supply": 1.01101101e+16, "total_supply": null, "max_supply": null,
  "roi": {"times": -0.945544814302734}, "last_updated": "2022-02-23T11:23:11.426Z"},
 {"id": "long-digits", "symbol": "LD", "name": "Long Digits", "current_price": 123456789012345678.123456789},
 {"id": "unpriced", "symbol": "", "name": "柴犬 🐶", "current_price": null, "last_updated": null},
 {"id": "spelled-out", "symbol": "so", "name": "Spelled Out", "current_price": "lots"},
 {"id": "untrue", "symbol": "ut", "name": "Untrue", "current_price": true},
 {"id": "endless", "symbol": "en", "name": "Endless", "current_price": 1e999},
 {"id": "nul", "symbol": "nu", "name": "N\\u0000l", "current_price": 1},
 {"id": "half", "symbol": "ha", "name": "\\ud83d", "current_price": 1},
 {"id": 7, "symbol": "se", "name": "Seven", "current_price": 1},
 {"symbol": "nid", "name": "No id", "current_price": 1},
 {"id": "nameless", "symbol": null, "current_price": 1},
 "a stray text"
]"""

COINPAPRIKA = """[
 {"id": "eth-ethereum", "name": "Ethereum", "symbol": "ETH", "rank": 2, "total_supply": 120100000, "max_supply": 0,
  "beta_value": 1.1, "last_updated": "2019-09-06T12:40:34Z", "quotes": {"USD": {"price": 0.1,
  "volume_24h": 5497171907.63, "market_cap": 372600000000,
  "percent_change_24h": -2.9, "ath_price": 4800, "ath_date": "2021-11-10T12:19:00Z"}}},
 {"id": "btc-bitcoin", "name": "Bitcoin", "symbol": "BTC", "rank": 1, "circulating_supply": 17919100,
  "total_supply": 17919100, "max_supply": 21000000, "last_updated": "2019-09-06T12:40:34Z",
  "quotes": {"USD": {"price": 10913.27425377, "volume_24h": 15497171907.63, "market_cap": 195556052680,
  "percent_change_24h": 2.9}}},
 {"id": "spk-speck", "name": "Speck", "symbol": "SPK", "rank": 1964, "circulating_supply": 0, "total_supply": 0,
  "max_supply": 0, "last_updated": "2019-07-11T17:29:55Z", "quotes": {"USD": {"price": 1.018e-05, "volume_24h": 0,
  "market_cap": 0, "percent_change_24h": 0}}},
 {"id": "ld-long-digits", "name": "Long Digits", "symbol": "LD",
  "quotes": {"USD": {"price": 123456789012345678.123456789}}},
 {"id": "up-unpriced", "name": "Unpriced", "symbol": "UP", "rank": 0, "quotes": {}},
 {"id": "ba-badly-quoted", "name": "Badly quoted", "symbol": "BA", "rank": 3, "quotes": {"USD": [1]}},
 {"id": "no-number", "name": "No number", "symbol": "NO", "rank": 4, "quotes": {"USD": {"price": {}}}},
 {"id": null, "name": "No id", "symbol": "NID", "rank": 5, "quotes": {"USD": {"price": 1}}},
 [1, 2]
]"""

BINANCE = """[
 {"symbol": "ETHBTC", "lastPrice": "0.05210000", "quoteVolume": "900.1", "closeTime": 1717243199426, "count": 9},
 {"symbol": "BTCUSDT", "priceChange": "205.10000000", "priceChangePercent": "0.321", "weightedAvgPrice": "64000.51",
  "lastPrice": "64123.10000000", "lastQty": "0.00100000", "openPrice": "63918.00000000", "highPrice": "65001.50000000",
  "lowPrice": "63870.00000000", "volume": "30000.12345000", "quoteVolume": "1920015300.12345678",
  "openTime": 1717156799426, "closeTime": 1717243199426, "firstId": 1, "lastId": 99, "count": 98},
 {"symbol": "SPKUSDT", "lastPrice": "0.000000001223", "quoteVolume": "5.4", "closeTime": 1717243199426, "count": 2},
 {"symbol": "LDUSDT", "lastPrice": "123456789012345678.123456789", "quoteVolume": "1", "closeTime": 1717243190000},
 {"symbol": "UPUSDT", "lastPrice": null, "quoteVolume": null, "count": 1},
 {"symbol": "BTCFDUSD", "lastPrice": "64200.00000000", "quoteVolume": "7", "closeTime": 1717243199426, "count": 5},
 {"symbol": "EURUSDT", "lastPrice": "1.08000000", "quoteVolume": "70", "closeTime": 1717243199426, "count": 5},
 {"symbol": "VENUSDT", "lastPrice": "1.20000000", "quoteVolume": "379", "closeTime": 1532373428321, "count": 7370},
 {"symbol": "OLDUSDT", "lastPrice": "448.70000000", "quoteVolume": "0.0", "closeTime": 1717243199426, "count": 0},
 {"symbol": "SOUSDT", "lastPrice": "lots", "count": 1},
 {"symbol": "UTUSDT", "lastPrice": true, "count": 1},
 {"symbol": "ENUSDT", "lastPrice": "1e999", "count": 1},
 {"symbol": "N\\u0000USDT", "lastPrice": "1", "count": 1},
 {"symbol": "USDT", "lastPrice": "1", "count": 1},
 {"symbol": 7, "lastPrice": "1"},
 {"lastPrice": "1"},
 "a stray text"
]"""

# The members of `result`, a line each.
KRAKEN_PAIRS = """
"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD","base":"XXBT","quote":"ZUSD","status":"online"},
"XBTUSDT":{"altname":"XBTUSDT","wsname":"XBT/USDT","base":"XXBT","quote":"USDT","status":"online"},
"XXBTZEUR":{"altname":"XBTEUR","wsname":"XBT/EUR","base":"XXBT","quote":"ZEUR","status":"online"},
"XXBTZUSD.d":{"altname":"XBTUSD.d","base":"XXBT","quote":"ZUSD"},
"XDGUSD":{"altname":"XDGUSD","wsname":"XDG/USD","base":"XXDG","quote":"ZUSD","status":"online"},
"SPKUSDT":{"altname":"SPKUSDT","wsname":"SPK/USDT","base":"SPK","quote":"USDT","status":"online"},
"LDUSD":{"altname":"LDUSD","wsname":"LD/USD","base":"LD","quote":"ZUSD","status":"online"},
"UPUSD":{"altname":"UPUSD","wsname":"UP/USD","base":"UP","quote":"ZUSD","status":"online"},
"ZEURZUSD":{"altname":"EURUSD","wsname":"EUR/USD","base":"ZEUR","quote":"ZUSD","status":"online"},
"OLDUSD":{"altname":"OLDUSD","wsname":"OLD/USD","base":"OLD","quote":"ZUSD","status":"online"},
"SOUSD":{"altname":"SOUSD","wsname":"SO/USD","base":"SO","quote":"ZUSD","status":"online"},
"NLUSD":{"altname":"NLUSD","wsname":"NL/USD","base":"NL","quote":"ZUSD","status":"online"},
"STUSD":{"altname":"STUSD","wsname":"ST/USD","base":"ST","quote":"ZUSD","status":"online"},
"NOUSD":7"""

KRAKEN = """
"XBTUSDT":{"c":["64125.20000","0.1"],"v":["10","300.5"],"p":["64000.1","64000.2"],"t":[30,900],"o":"64000.0"},
"XXBTZUSD":{"a":["64123.2","1","1.0"],"b":["64123.1","1","1.0"],"c":["64123.10000","0.00067643"],"v":["4083.67001100","4412.73601799"],"p":["63706.77771","63689.13205"],"t":[34619,38907],"l":["63868.3","63868.30000"],"h":["65001.0","65001.50000"],"o":"64502.8"},
"XXBTZEUR":{"c":["59000.1","0.1"],"v":["10","9000.5"],"p":["59000.1","59000.2"],"t":[30,900]},
"XDGUSD":{"c":["0.1235400","7.1"],"v":["10","300.5"],"p":["0.12","0.12"],"t":[30,900]},
"SPKUSDT":{"c":["0.000000001223","7.1"],"v":["0","1"],"p":["0","0.000000001223"],"t":[0,1]},
"LDUSD":{"c":["123456789012345678.123456789","1"],"v":["0","1"],"p":["0","1"],"t":[0,1]},
"UPUSD":{"c":null,"v":["0","1"],"p":["0","1"],"t":[0,1]},
"ZEURZUSD":{"c":["1.08","1"],"v":["0","1000000"],"p":["0","1.08"],"t":[0,100]},
"OLDUSD":{"c":["448.7","1"],"v":["0","0"],"p":["0","0"],"t":[0,0]},
"SOUSD":{"c":["lots","1"],"v":["0","1"],"p":["0","1"],"t":[0,1]},
"NLUSD":{"c":"1","v":["0","1"],"p":["0","1"],"t":[0,1]},
"STUSD":"a stray text",
"UNLISTEDUSD":{"c":["1","1"],"v":["0","1"],"p":["0","1"],"t":[0,1]}"""

CSV = (
    "symbol,name,price,market_cap,volume_24h,price_change_24h\n"
    "BTC,Bitcoin,64123.10,1263170870735,19584692179,0.32\n"
    "SPK,Speck,1.223e-09,,5.4,\n"
    "LD,Long Digits,123456789012345678.123456789,1,1,0\n"
    "SO,Spelled Out,lots,1,1,0\n"
)


@dataclass(frozen=True)
class Served:
    """A source with something to fetch. `touched` tells how often it was asked so far."""

    ask: Ask
    touched: Callable[[], int]


@dataclass(frozen=True)
class Case:
    """What `serve` serves.

    `prices` by name (or by symbol, where a source gives no names), as text, are the quotes that must come, `rejected`
    counts the other rows. `serve_many` serves what makes `many_pages` pages (1 where a fetch never has more) of
    `many_rows` good rows.
    """

    serve: Callable[[Upstream], Served]
    serve_many: Callable[[Upstream], Served]
    many_pages: int
    many_rows: int
    prices: Mapping[str, str | None]
    rejected: int
    symbols: Mapping[str, str] = field(default_factory=dict)


def _over_http(upstream: Upstream) -> Served:
    recorded = Markets(
        *map(recorded_rows, (COINGECKO, COINPAPRIKA, BINANCE)),
        *(tuple(text.split(",\n")) for text in (KRAKEN, KRAKEN_PAIRS)),
    )
    upstream.markets = lambda: recorded
    return _served(upstream)


def _many_over_http(upstream: Upstream) -> Served:
    market = made_up(600)
    upstream.markets = lambda: market
    return _served(upstream)


def _served(upstream: Upstream) -> Served:
    """A page of Kraken's takes two requests; the first alone is no page that was begun."""
    asked = Settings.from_env(upstream.environ)
    return Served(Ask(asked), lambda: sum(not seen.path.endswith("/AssetPairs") for seen in upstream.log))


def _from_a_file(_upstream: Upstream) -> Served:
    return _file(CSV)


def _from_a_long_file(_upstream: Upstream) -> Served:
    head = CSV.splitlines()[0]
    return _file("\n".join([head, *(f"C{number},Coin {number},1.{number},5,5,1" for number in range(25_000))]))


def _file(text: str) -> Served:
    opened: list[BinaryIO] = []

    def open_file() -> BinaryIO:
        opened.append(io.BytesIO(text.encode()))
        return opened[-1]

    return Served(Ask(Settings.from_env({}), open_file=open_file), lambda: len(opened))


CASES: Mapping[str, Case] = {
    "csv": Case(
        _from_a_file,
        _from_a_long_file,
        many_pages=3,
        many_rows=25_000,
        prices={"Bitcoin": "64123.10", "Speck": "1.223e-09", "Long Digits": "123456789012345678.123456789"},
        rejected=1,
        symbols={"Speck": "SPK"},
    ),
    "coingecko": Case(
        _over_http,
        _many_over_http,
        many_pages=3,
        many_rows=600,
        prices={
            "Bitcoin": "64123",
            "Speck": "1.223e-09",
            "Long Digits": "123456789012345678.123456789",
            "柴犬 🐶": None,
        },
        rejected=9,
        symbols={"Speck": "spk", "Long Digits": "LD", "柴犬 🐶": ""},
    ),
    "coinpaprika": Case(
        _over_http,
        _many_over_http,
        many_pages=1,
        many_rows=600,
        prices={
            "Ethereum": "0.1",
            "Bitcoin": "10913.27425377",
            "Speck": "1.018e-05",
            "Long Digits": "123456789012345678.123456789",
            "Unpriced": None,
        },
        rejected=4,
        symbols={"Speck": "SPK"},
    ),
    "binance": Case(
        _over_http,
        _many_over_http,
        many_pages=1,
        many_rows=600,
        prices={"BTC": "64123.10000000", "SPK": "0.000000001223", "LD": "123456789012345678.123456789", "UP": None},
        rejected=8,
        symbols={"SPK": "SPK"},
    ),
    "kraken": Case(
        _over_http,
        _many_over_http,
        many_pages=1,
        many_rows=600,
        prices={
            "BTC": "64123.10000",
            "DOGE": "0.1235400",
            "SPK": "0.000000001223",
            "LD": "123456789012345678.123456789",
            "UP": None,
        },
        rejected=3,
        symbols={"DOGE": "DOGE"},
    ),
}
