"""CSV files of five rows, as small jobs have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

ROWS = 5
_FIRST_TIME = datetime(2025, 1, 1, tzinfo=UTC)


def small_file(number: int, time: int) -> str:
    """Five coins that no file of another number has; each time is a minute later, so that each brings news."""
    moment = (_FIRST_TIME + timedelta(minutes=time)).isoformat()
    rows = [
        f"S{coin},Small Coin {coin},{coin}.{time % 1000 + 1:04},{coin + 1}000000,{coin + 1}5000,1.5,{moment}\n"
        for coin in range(number * ROWS, (number + 1) * ROWS)
    ]
    return "symbol,name,price,market_cap,volume_24h,price_change_24h,last_updated\n" + "".join(rows)
