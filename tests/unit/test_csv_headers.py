"""Which names mean which field: the spellings of real files."""

from __future__ import annotations

import pytest

from core.sources.csvfile.headers import FIELDS, candidates, recognised, squash, trade_words

SPELLINGS = {
    "symbol": ["symbol", "Symbol", "SYMBOL", "ticker", "coin_symbol", "Currency Code"],
    "name": ["name", "Name", "coin_name", "Coin", "cryptocurrency", "asset"],
    "price": [
        "price", "Price", "price_usd", "priceUsd", "PRICE (USD)", "Price ($)", "current_price", "last",
        "Last Price", "Close",
        "Price (Intraday)", "quote.USD.price", "usd_price", "price_in_usd",
    ],
    "market_cap": [
        "market_cap", "Market Cap", "Marketcap", "MarketCap", "mcap", "Mkt Cap", "currentMarketcap", "market_cap_usd",
        "Market Cap (USD)", "marketCapUsd", "Market Capitalization", "quote.USD.market_cap", "market cap ($)",
    ],
    "volume_24h": [
        "volume_24h", "Volume", "volume", "Volume(24h)", "Volume (24h)", "24h_volume_usd", "volumeUsd24Hr",
        "total_volume",
        "24h Volume", "Volume in Currency (24Hr)", "volume_24h_usd", "trading_volume", "vol", "quote.USD.volume_24h",
    ],
    "price_change_24h": [
        "price_change_24h", "24h_%", "% 24h", "24h %", "percent_change_24h", "percentageChange24HrUsd", "one_day", "1d",
        "24h", "Change (24h)", "24h Change", "% Change", "change_percent_24h", "changePercent24Hr", "24hr_change",
        "price_change_percentage_24h", "price_change_percentage_24h_in_currency",
        "quote.USD.percent_change_24h", "24h Chg %",
        "Price Change (24h)", "pct_change_24h", "24H % Change",
    ],
    "high_24h": ["high_24h", "24h High", "High (24h)"],
    "low_24h": ["low_24h", "24h Low"],
    "circulating_supply": ["circulating_supply", "Circulating Supply", "circulatingSupply", "circ_supply",
    "available_supply"],
    "total_supply": ["total_supply", "Total Supply", "totalSupply"],
    "max_supply": ["max_supply", "Max. Supply", "maximum_supply"],
    "rank": ["rank", "Rank", "#", "market_cap_rank", "cmc_rank", "CoinRank"],
    "observed_at": [
        "last_updated", "lastUpdated", "Last Updated", "updated_at", "timestamp", "Timestamp (UTC)", "date",
        "Date", "datetime",
        "time", "scraped_at", "observed_at", "Date Updated", "snapshot_date", "as of",
    ],
}  # fmt: skip
NOT_OURS = [
    "price_btc", "Price (€)", "Price EUR", "priceEur", "percent_change_1h", "7d%", "% 7d", "one_hr",
    "one_week", "id", "row_id",
    "market_cap_change_24h", "market_cap_change_percentage_24h", "volume_change_24h",
    "fully_diluted_valuation", "ath_date",
    "athTimestamp", "date_added", "Volume(2)", "volume_btc", "percentageChange90dUsd",
    "price_change_percentage_7d", "url", "",
    "high", "low", "ath", "roi", "image", "index", "custom_index", "volatility30d", "Change", "market_cap_eur",
]  # fmt: skip


@pytest.mark.parametrize(("field", "header"), [(field, name) for field, names in SPELLINGS.items() for name in names])
def test_a_header_means_its_field_and_no_other(field: str, header: str) -> None:
    assert [name for name in FIELDS if list(candidates(name, [squash(header)]))] == [field]


@pytest.mark.parametrize("header", NOT_OURS)
def test_a_header_that_means_something_else_means_no_field(header: str) -> None:
    assert not [name for name in FIELDS if list(candidates(name, [squash(header)]))]


@pytest.mark.parametrize(
    ("field", "headers", "best"),
    [
        ("price", ["price", "price_btc", "price_usd"], "price_usd"),
        ("price", ["last", "price"], "price"),
        ("volume_24h", ["Volume", "Volume(24h)"], "Volume(24h)"),
        ("volume_24h", ["volume_24h", "24h_volume_usd"], "24h_volume_usd"),
        ("price_change_24h", ["price_change_24h", "price_change_percentage_24h"], "price_change_percentage_24h"),
        ("price_change_24h", ["24h", "change_24h"], "change_24h"),
        ("observed_at", ["date", "timestamp", "last_updated"], "last_updated"),
        ("rank", ["#", "market_cap_rank"], "market_cap_rank"),
        ("symbol", ["pair", "symbol"], "symbol"),
    ],
)
def test_the_name_that_says_more_goes_first(field: str, headers: list[str], best: str) -> None:
    squashed = [squash(header) for header in headers]
    assert headers[next(candidates(field, squashed))] == best


def test_coingeckos_change_in_dollars_is_not_taken_for_percent() -> None:
    assert not list(candidates("price_change_24h", ["currentprice", "pricechange24h"]))
    assert list(candidates("price_change_24h", ["price", "pricechange24h"])) == [1]


def test_recognised_counts_fields_not_columns() -> None:
    assert recognised(["price", "price_usd", "symbol", "shoe size"]) == 2


def test_words_of_trades_are_told_from_words_of_quotes() -> None:
    assert trade_words(["Date(UTC)", "Pair", "Side", "Price", "Executed", "Amount", "Fee"]) == [
        "Side", "Executed", "Amount", "Fee",
    ]  # fmt: skip
    assert trade_words([name for names in SPELLINGS.values() for name in names]) == []
