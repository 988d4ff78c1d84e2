"""How many requests a minute a source is sent, by host and key, unless the settings say otherwise."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from core.rates import rates_per_minute
from core.settings import Settings

KEY = {"COINGECKO_API_KEY": "CG-key-of-a-plan", "COINPAPRIKA_API_KEY": "key-of-a-plan"}


@pytest.mark.parametrize(
    ("environ", "coingecko", "coinpaprika"),
    [
        ({}, 10, 10),
        (KEY, 30, 10),
        (
            {
                **KEY,
                "COINGECKO_API_URL": "https://pro-api.coingecko.com/api/v3",
                "COINPAPRIKA_API_URL": "https://api-pro.coinpaprika.com/v1",
            },
            250,
            60,
        ),
        ({"COINGECKO_RATE_PER_MINUTE": "7", "COINPAPRIKA_RATE_PER_MINUTE": "8"}, 7, 8),
        ({"COINGECKO_API_URL": "http://127.0.0.1:1/api", "COINPAPRIKA_API_URL": "http://localhost:1"}, None, None),
        ({"COINGECKO_API_URL": "http://127.0.0.1:1/api", "COINGECKO_RATE_PER_MINUTE": "7"}, 7, 10),
    ],
)
def test_a_budget_follows_from_host_and_key(
    environ: Mapping[str, str], coingecko: int | None, coinpaprika: int | None
) -> None:
    rates = rates_per_minute(Settings.from_env(environ))
    assert (rates.get("coingecko"), rates.get("coinpaprika")) == (coingecko, coinpaprika)
    assert "csv" not in rates


@pytest.mark.parametrize(
    ("environ", "binance", "kraken"),
    [
        ({}, 20, 20),
        ({"BINANCE_RATE_PER_MINUTE": "7", "KRAKEN_RATE_PER_MINUTE": "8"}, 7, 8),
        ({"BINANCE_API_URL": "http://127.0.0.1:1/api/v3", "KRAKEN_API_URL": "http://[::1]:1/0"}, None, None),
    ],
)
def test_an_exchange_has_one_budget_for_everyone(
    environ: Mapping[str, str], binance: int | None, kraken: int | None
) -> None:
    rates = rates_per_minute(Settings.from_env(environ))
    assert (rates.get("binance"), rates.get("kraken")) == (binance, kraken)
