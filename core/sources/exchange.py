"""What the tickers of exchanges have in common: they list markets, a pair of assets each, and not coins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import TypeVar

# Money that states issue (ISO 4217): exchanges trade it beside coins, and it is none.
MONEY = frozenset(
    {
        "AED", "ARS", "AUD", "BRL", "CAD", "CHF", "CNY", "COP", "CZK", "EUR", "GBP", "HKD", "IDR", "INR", "JPY",
        "KRW", "MXN", "NGN", "NZD", "PLN", "RON", "RUB", "SGD", "THB", "TRY", "UAH", "USD", "VND", "ZAR",
    }
)  # fmt: skip

_Market = TypeVar("_Market")


def largest(markets: Iterable[_Market], volume: Callable[[_Market], Decimal | None], limit: object) -> list[_Market]:
    """The `limit` markets (no number: all) with the most volume in dollars, the largest first, unknown ones last."""

    def place(market: _Market) -> Decimal:
        traded = volume(market)
        return Decimal("Infinity") if traded is None else traded.copy_negate()

    ordered = sorted(markets, key=place)
    return ordered[:limit] if isinstance(limit, int) else ordered
