"""How many requests a minute each source is sent at most, unless the settings say otherwise. Pure.

CoinGecko: without a key 5 to 15 a minute by IP address, less when it is busy; a demo key has 30 or more (its documents
have said 30 and 100), the smallest pro plan 250 (https://docs.coingecko.com/docs/errors-and-rate-limits and its price
list). CoinPaprika names no limit a minute but one a month (https://docs.coinpaprika.com, "Rate limits"): 20,000 on the
free plan, which an ingest every three minutes keeps, and 400,000 on the smallest paid one, which is 9 a minute for all
of the month; its budget is there to keep a burst short. Binance counts weights: the whole ticker weighed 40 of 1,200 a
minute (https://github.com/binance/binance-spot-api-docs, rest-api.md of 2021), which is 30 requests; a list costs more
as it grows, so 20. Kraken counts requests to its public endpoints by IP address and publishes no figure for them; its
slowest counter of calls falls by 0.33 a second (https://docs.kraken.com/api/docs/guides/spot-rest-ratelimits), so 20.
A server on this machine is a stand-in, and has no budget.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from core.settings import Settings


def rates_per_minute(settings: Settings) -> dict[str, int]:
    """By source, its budget; a source without an entry has none."""
    rates = {
        "coingecko": settings.coingecko_rate_per_minute or _coingecko(settings),
        "coinpaprika": settings.coinpaprika_rate_per_minute or _coinpaprika(settings),
        "binance": settings.binance_rate_per_minute or _flat(settings.binance_api_url, 20),
        "kraken": settings.kraken_rate_per_minute or _flat(settings.kraken_api_url, 20),
    }
    return {source: rate for source, rate in rates.items() if rate}


def _coingecko(settings: Settings) -> int:
    host = urlsplit(settings.coingecko_api_url).hostname or ""
    if _on_this_machine(host):
        return 0
    if not settings.coingecko_api_key:
        return 10
    return 250 if host == "pro-api.coingecko.com" else 30


def _coinpaprika(settings: Settings) -> int:
    host = urlsplit(settings.coinpaprika_api_url).hostname or ""
    if _on_this_machine(host):
        return 0
    return 60 if settings.coinpaprika_api_key and host != "api.coinpaprika.com" else 10


def _flat(url: str, rate: int) -> int:
    """The same for everyone, whoever they are: these have no plans."""
    return 0 if _on_this_machine(urlsplit(url).hostname or "") else rate


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
