"""The made-up market: a few coins that everyone knows, then any number that no one does, the same on each run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

# (CoinGecko id, CoinPaprika id, symbol, name, price, market cap)
_KNOWN = (
    ("bitcoin", "btc-bitcoin", "BTC", "Bitcoin", "64123.5", 1263000000000),
    ("ethereum", "eth-ethereum", "ETH", "Ethereum", "3102.27", 372600000000),
    ("tether", "usdt-tether", "USDT", "Tether", "1.0002", 112400000000),
    ("binancecoin", "bnb-binance-coin", "BNB", "BNB", "571.84", 84400000000),
    ("solana", "sol-solana", "SOL", "Solana", "143.61", 66300000000),
    ("usd-coin", "usdc-usd-coin", "USDC", "USDC", "0.9999", 32800000000),
    ("ripple", "xrp-xrp", "XRP", "XRP", "0.478213", 26600000000),
    ("dogecoin", "doge-dogecoin", "DOGE", "Dogecoin", "0.12354", 17800000000),
    ("cardano", "ada-cardano", "ADA", "Cardano", "0.388217", 13900000000),
    ("wrapped-bitcoin", "wbtc-wrapped-bitcoin", "WBTC", "Wrapped Bitcoin", "64090", 10250000000),
    ("shiba-inu", "shib-shiba-inu", "SHIB", "Shiba Inu", "0.00001712", 10100000000),
    ("polkadot", "dot-polkadot", "DOT", "Polkadot", "6.0421", 9700000000),
    ("weth", "weth-weth", "WETH", "WETH", "3101.9", 9200000000),
    ("chainlink", "link-chainlink", "LINK", "Chainlink", "13.874", 8400000000),
    ("litecoin", "ltc-litecoin", "LTC", "Litecoin", "70.33", 5250000000),
    ("monero", "xmr-monero", "XMR", "Monero", "163.2", 3010000000),
)
_SYLLABLES = ("al", "be", "cor", "du", "en", "fi", "gra", "ho", "is", "jun", "ka", "lo", "mi", "nor", "ox", "pa")
_SHARED_SYMBOL = 97  # each 97th made-up coin has the symbol of a known one, as happens outside
_ODD = 2654435761  # Knuth's multiplicative hash: spreads the numbers of neighbours


@dataclass(frozen=True, slots=True)
class Coin:
    """One coin at one moment, as both APIs would quote it (CoinPaprika a thousandth dearer)."""

    number: int
    gecko_id: str
    paprika_id: str
    symbol: str
    name: str
    price: Decimal
    cap: int
    change: Decimal
    at: datetime

    @property
    def volume(self) -> int:
        return max(self.cap // (20 + self.number * _ODD % 180), 1)

    @property
    def asset(self) -> str:
        """What an exchange calls it: there no two coins share a symbol."""
        known = self.number <= len(_KNOWN)
        return self.symbol if known or self.number % _SHARED_SYMBOL else f"{self.symbol}{self.number}"

    @property
    def paprika_price(self) -> Decimal:
        return self.price * Decimal("1.001")


def coins(size: int, at: datetime) -> Iterator[Coin]:
    """The first `size` coins by market cap, at the minute of `at`; from minute to minute prices move by up to 1%."""
    minute = int(at.timestamp()) // 60
    for number in range(1, size + 1):
        swing = (number * _ODD + minute * 40503) % 2001 - 1000
        gecko_id, paprika_id, symbol, name, price, cap = _known_or_made_up(number)
        moved = Decimal(price) * (100000 + swing) / 100000
        yield Coin(
            number,
            gecko_id,
            paprika_id,
            symbol,
            name,
            moved,
            cap,
            Decimal(swing) / 200,
            at.replace(second=7, microsecond=0),
        )


def _known_or_made_up(number: int) -> tuple[str, str, str, str, str, int]:
    if number <= len(_KNOWN):
        return _KNOWN[number - 1]
    spread = number * _ODD % 2**32
    word = "".join(_SYLLABLES[spread >> shift & 15] for shift in (0, 4, 8))
    symbol = f"{word[:3]}{number}".upper() if number % _SHARED_SYMBOL else _KNOWN[number % len(_KNOWN)][2]
    price = f"{1 + spread % 9000}e{-9 + (spread >> 12) % 11}"  # from 1e-9 to 90,000
    cap = 3_000_000_000 * len(_KNOWN) // number
    return f"{word}-{number}", f"{symbol.lower()}-{word}-{number}", symbol, f"{word.title()} {number}", price, cap
