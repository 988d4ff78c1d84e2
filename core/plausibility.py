"""What can't be right about a quote. A flagged quote is kept, and left out of stats, gainers and losers."""

from __future__ import annotations

from decimal import Decimal

from core.models import Quote

# A coin worth billions is traded. In a page of CoinGecko's top 250 (February 2022) the honest extreme above this cap
# was bittorrent-old at 7,561 times its volume; ticoex-token claimed 617,290,901,988 times. Below this cap there are
# hundreds of honest coins that hardly trade (CoinPaprika's list of 2019 has 113 million times at a cap of 2 million).
TRADED_CAP = Decimal(10**9)  # US dollars
MOST_CAP_PER_VOLUME = Decimal(10**6)

# CoinGecko's day range lags behind its price by minutes: 24 of the same 250 coins stood outside, by 0.91% at most.
RANGE_TOLERANCE = Decimal("0.10")

_NEGATIVE_CHECKED = ("price", "market_cap", "volume_24h")
_LOWEST_CHANGE = Decimal(-100)  # percent: nothing can lose more than all


def flags(quote: Quote) -> tuple[str, ...]:
    """The names of what can't be right, in a fixed order; unknown figures are never held against a quote.

    `negative_price`, `negative_market_cap`, `negative_volume_24h`: below zero.
    `cap_without_volume`: a cap of a billion dollars or more that is over a million times a day's volume.
    `outside_day_range`: the price is over 10% above the day's high or under its low.
    `impossible_change`: a loss of more than 100% in a day.
    """
    found = [f"negative_{name}" for name in _NEGATIVE_CHECKED if (getattr(quote, name) or 0) < 0]
    if _cap_without_volume(quote):
        found.append("cap_without_volume")
    if _outside_day_range(quote):
        found.append("outside_day_range")
    if quote.price_change_24h is not None and quote.price_change_24h < _LOWEST_CHANGE:
        found.append("impossible_change")
    return tuple(found)


def _cap_without_volume(quote: Quote) -> bool:
    cap, volume = quote.market_cap, quote.volume_24h
    return cap is not None and volume is not None and cap >= TRADED_CAP and volume * MOST_CAP_PER_VOLUME < cap


def _outside_day_range(quote: Quote) -> bool:
    price, high, low = quote.price, quote.high_24h, quote.low_24h
    if price is None:
        return False
    above = high is not None and high > 0 and price > high * (1 + RANGE_TOLERANCE)
    below = low is not None and low > 0 and price < low * (1 - RANGE_TOLERANCE)
    return above or below
