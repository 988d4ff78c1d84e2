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
    """What `serve` serves: `prices` by name, as text, are the quotes that must come, `rejected` counts the other rows.

    `serve_many` serves what makes `many_pages` pages (1 where a fetch never has more) of `many_rows` good rows.
    """

    serve: Callable[[Upstream], Served]
    serve_many: Callable[[Upstream], Served]
    many_pages: int
    many_rows: int
    prices: Mapping[str, str | None]
    rejected: int
    symbols: Mapping[str, str] = field(default_factory=dict)


def _over_http(upstream: Upstream) -> Served:
    upstream.markets = lambda: Markets(recorded_rows(COINGECKO), recorded_rows(COINPAPRIKA))
    return Served(Ask(Settings.from_env(upstream.environ)), lambda: len(upstream.log))


def _many_over_http(upstream: Upstream) -> Served:
    market = made_up(600)
    upstream.markets = lambda: market
    return Served(Ask(Settings.from_env(upstream.environ)), lambda: len(upstream.log))


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
}
