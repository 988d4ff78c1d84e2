"""A past for the stand-in's coins: CSV rows that walk at random to the price of now, the same on each run."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from math import exp, sqrt

from tests.upstream.coins import Coin, coins

_HEADER = "symbol,name,price,market_cap,volume_24h,price_change_24h,last_updated"
_HOUR = timedelta(hours=1)
_SWING = 0.006  # an hour's, as a part of the price


def past_of(size: int, until: datetime, *, but: int = 0, days: int = 7, every: timedelta = _HOUR) -> str:
    """A CSV file: the first `size` coins of the stand-in, a row each for every step of `days` days before `until`.

    Those up to number `but` are left out.
    """
    market = islice(coins(size, until), but, None)
    return "\n".join([_HEADER, *_rows(market, until, timedelta(days=days), every)]) + "\n"


def _rows(market: Iterable[Coin], until: datetime, past: timedelta, every: timedelta) -> Iterator[str]:
    steps = past // every
    for coin in market:
        # Stable coins stand still.
        swing = 0.0002 if Decimal("0.98") < coin.price < Decimal("1.02") else _SWING
        draw = random.Random(coin.number)
        level = 0.0
        for step in range(1, steps + 1):
            level += draw.gauss(0, swing * sqrt(every / _HOUR))
            yield _row(coin, Decimal(exp(level)), until - step * every)


def _row(coin: Coin, level: Decimal, at: datetime) -> str:
    figures = [_plain(coin.price * level), str(int(coin.cap * level)), str(coin.volume), _plain(coin.change)]
    return ",".join([coin.symbol, coin.name, *figures, f"{at:%Y-%m-%dT%H:%M:%SZ}"])


def _plain(figure: Decimal) -> str:
    """Eight digits that count, without an exponent."""
    return f"{Decimal(f'{figure:.8g}'):f}"
