"""Which header names mean which field, as ordered rules: the first rule that fits a column of the file wins.

A header is compared in its squashed form: lower case, letters and digits only, `%` spelled `percent` and `$` `usd`, so
that `Market Cap (USD)`, `market_cap_usd` and `marketCapUsd` are all `marketcapusd`. Each rule is a pattern for all of
it. A name with another currency in it (`price_btc`, `Price (€)`) fits no rule.

The order has reasons: a name that says US dollars goes before one that doesn't, one that says 24 hours before one that
doesn't, a percentage before a plain change.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_DAY = r"(?:last|over|past|in)?(?:24h(?:r|rs|our|ours)?|1d(?:ay)?|(?:one|1)day)"
_DOLLARS = r"(?:in)?(?:usd|usdollars?|dollars?)"
_PERCENT = r"(?:percent(?:age)?|pct|perc)"
_CAP = r"(?:m(?:arke|k)?t?cap(?:itali[sz]ation)?)"
_VOLUME = r"(?:(?:total|trad(?:ing|ed))?vol(?:ume)?)"
_CHANGE = r"(?:price)?(?:change|chg|chng|move|delta)s?"

RULES: dict[str, tuple[str, ...]] = {
    "symbol": (
        "(?:coin|currency|crypto|asset|token)?(?:symbol|ticker)",
        "(?:currency|asset|coin)?code",
        "pair",
    ),
    "name": (
        "(?:coin|currency|crypto|cryptocurrency|asset|token|full)?name",
        "crypto(?:currency)?",
        "coin|currency",
        "asset|token|project",
    ),
    "price": (
        f"(?:current|last|latest|spot|market|close|closing)?price{_DOLLARS}|quoteusdprice",
        f"{_DOLLARS}price",
        "price",
        "currentprice",
        "(?:last|latest)price",
        "(?:last|latest)(?:trade)?",
        "priceintraday",
        "(?:market|spot|coin|unit)price",
        f"close{_DOLLARS}",
        "clos(?:e|ing)(?:price)?",
        f"value{_DOLLARS}",
    ),
    "market_cap": (
        f"(?:current)?{_CAP}{_DOLLARS}|quoteusdmarketcap",
        f"(?:current)?{_CAP}",
        "cap(?:itali[sz]ation)?",
    ),
    "volume_24h": (
        f"{_VOLUME}{_DAY}{_DOLLARS}|quoteusdvolume24h",
        f"{_DAY}{_VOLUME}{_DOLLARS}",
        f"{_VOLUME}{_DOLLARS}{_DAY}",
        f"{_VOLUME}{_DAY}",
        f"{_DAY}{_VOLUME}",
        f"volumeincurrency{_DAY}",
        f"(?:daily)?{_VOLUME}{_DOLLARS}",
        f"daily{_VOLUME}",
        "(?:total|trad(?:ing|ed))vol(?:ume)?",
        "vol(?:ume)?",
    ),
    "price_change_24h": (
        f"(?:quoteusd)?{_CHANGE}{_PERCENT}{_DAY}(?:usd|incurrency)?",
        f"(?:quoteusd)?(?:price)?{_PERCENT}(?:{_CHANGE})?{_DAY}(?:usd|incurrency)?",
        f"{_DAY}(?:price)?{_PERCENT}(?:{_CHANGE})?",
        f"{_DAY}{_CHANGE}{_PERCENT}",
        f"{_CHANGE}{_DAY}{_PERCENT}",
        f"{_CHANGE}{_DAY}(?:usd)?",
        f"{_DAY}{_CHANGE}",
        f"(?:price)?{_PERCENT}{_CHANGE}",
        f"{_CHANGE}{_PERCENT}",
        _DAY,
    ),
    "high_24h": (f"high(?:est)?(?:price)?{_DAY}", f"{_DAY}high(?:est)?"),
    "low_24h": (f"low(?:est)?(?:price)?{_DAY}", f"{_DAY}low(?:est)?"),
    "circulating_supply": ("(?:circulating|circulation|circ|available)supply", "supply"),
    "total_supply": ("totalsupply",),
    "max_supply": ("max(?:imum)?supply",),
    "rank": ("(?:market)?caprank", "(?:cmc|market|coin)?rank(?:ing)?"),
    "observed_at": (
        "(?:last|time)?updated?(?:at|on|time|timestamp|date)?(?:utc)?",
        "(?:date|time)(?:last)?updated",
        "observedat",
        "(?:scraped|fetched|recorded|collected|retrieved|extracted|snapshot)(?:at|time|date|timestamp)?",
        "(?:unix)?timestamp(?:utc|ms)?",
        "(?:date(?:and)?time|asof)(?:utc)?",
        "date(?:utc)?",
        "time(?:utc)?",
    ),
}
FIELDS = tuple(RULES)
ALIASES = {"last_updated": "observed_at"}  # as the field is called in the API's answers

_COMPILED = {field: tuple(re.compile(rule) for rule in rules) for field, rules in RULES.items()}
_COINGECKO = frozenset(("currentprice", "marketcapchange24h", "pricechangepercentage24h"))

# A log of trades has a price column too. Three of these words (squashed), and no market cap, make one.
_TRADE_WORDS = re.compile(
    r"side|type|sell|buy|bought|sold|fees?|fee(?:coin|asset|currency)|cost|status|wallet|portfolio|executed|filled"
    r"|amount|size|qty|quantity|total|inverseprice|pnl|realizedprofit|role|liquidity|maker|taker|(?:order|trade|tx)\w*"
)


def squash(header: str) -> str:
    """The form in which headers are compared. Signs of other currencies stay, so that they fit no rule."""
    text = unicodedata.normalize("NFKC", header).casefold().strip()
    if text in ("#", "no.", "nr."):
        return "rank"
    text = text.replace("%", "percent").replace("$", "usd")
    return "".join(char for char in text if char.isalnum() or unicodedata.category(char) == "Sc")


def candidates(field: str, squashed: list[str]) -> Iterator[int]:
    """The places of the columns that may be `field`, the best first: by rule, then from left to right."""
    unfit = changes_in_dollars(squashed)
    for rule in _COMPILED[field]:
        for place, name in enumerate(squashed):
            if rule.fullmatch(name) and place not in unfit:
                yield place


def changes_in_dollars(squashed: list[str]) -> set[int]:
    """CoinGecko's `price_change_24h`, known by its other columns: it is in dollars, everyone else's is in percent."""
    if _COINGECKO.isdisjoint(squashed):
        return set()
    return {place for place, name in enumerate(squashed) if name == "pricechange24h"}


def recognised(names: list[str]) -> int:
    """How many fields have a column among these headers."""
    squashed = [squash(name) for name in names]
    return sum(next(candidates(field, squashed), None) is not None for field in FIELDS)


def trade_words(names: list[str]) -> list[str]:
    """The headers that speak of orders and trades rather than of quotes."""
    return [name for name in names if _TRADE_WORDS.fullmatch(squash(name))]
