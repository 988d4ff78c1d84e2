"""Write a CSV file of made-up quotes, of any size: `python -m scripts.sample --coins 20000 --times 50 big.csv`.

The same arguments give the same bytes. The file has a row a coin for the first time, then a row a coin for the next, an
hour later, and so on; prices walk at random. Rows are written as they are made, so memory depends on the coins alone.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import ceil, exp
from pathlib import Path

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


def main(arguments: list[str] | None = None) -> None:
    options = _options(arguments)
    coins, times = options.coins, options.times
    if options.rows is not None:
        coins = min(options.rows, COINS_PER_TIME)
        times = ceil(options.rows / coins)
    rows = coins * times if options.rows is None else options.rows
    out = options.out or options.path
    written = islice(lines(coins, times, options.seed), 1 + rows)
    if out is None:
        sys.stdout.writelines(written)
        return
    with Path(out).open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(written)
    sys.stderr.write(f"{out}: {rows:,} rows\n")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.sample", description="Write a CSV file of made-up quotes.")
    parser.add_argument("--coins", type=_positive, default=1000, help="how many coins (1000)")
    parser.add_argument("--times", type=_positive, default=1, help="how many times each, an hour apart (1)")
    parser.add_argument("--rows", type=_positive, help="how many rows, instead of coins and times")
    parser.add_argument("--seed", type=int, default=1, help="another number, other prices (1)")
    parser.add_argument("--out", help="the file to write; the same as the last argument")
    parser.add_argument("path", nargs="?", metavar="OUT", help="the file to write; without it, standard output")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    main()
