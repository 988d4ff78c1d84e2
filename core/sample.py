"""A CSV file of made-up quotes, of any size, line by line; `sample` of the command line writes it.

The same arguments give the same bytes. The file has a row a coin for the first time, then a row a coin for the next, an
hour later, and so on; prices walk at random. Rows come as they are made, so memory depends on the coins alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import exp

HEADER = "symbol,name,price,market_cap,volume_24h,price_change_24h,last_updated"
KNOWN = (("BTC", "Bitcoin"), ("ETH", "Ethereum"), ("ADA", "Cardano"), ("SOL", "Solana"), ("DOT", "Polkadot"))
FIRST_TIME = datetime(2024, 1, 1, tzinfo=UTC)
COINS_PER_TIME = 20_000  # when only a number of rows is asked for


def lines(coins: int, times: int, seed: int) -> Iterator[str]:
    """The header, then `coins` x `times` rows, each with its line end."""
    yield HEADER + "\n"
    draw = random.Random(seed)  # noqa: S311 - made-up prices are no secrets
    names = [f"{symbol},{name}" for symbol, name in KNOWN]
    names += [f"C{number:05},Sample Coin {number}" for number in range(len(KNOWN), coins)]
    prices = [40_000.0 * exp(-12.0 * draw.random()) for _ in range(coins)]
    supplies = [10.0 ** draw.uniform(6, 10) for _ in range(coins)]
    for step in range(times):
        moment = (FIRST_TIME + timedelta(hours=step)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for coin, name in enumerate(names[:coins]):
            change = draw.uniform(-9.0, 9.1)
            price = prices[coin] = prices[coin] * (1.0 + change / 100.0)
            cap = price * supplies[coin]
            volume = cap * draw.random() / 5.0
            yield f"{name},{price:.10f},{cap:.2f},{volume:.2f},{change:.4f},{moment}\n"
