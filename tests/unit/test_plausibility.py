from __future__ import annotations

from decimal import Decimal

import pytest

from core.models import Quote
from core.plausibility import flags


def quote(**figures: str) -> Quote:
    known = {"price": "1", **figures}
    return Quote("a-coin", "A", "A coin", **{name: Decimal(text) for name, text in known.items()})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "flag"),
    [("price", "negative_price"), ("market_cap", "negative_market_cap"), ("volume_24h", "negative_volume_24h")],
)
def test_below_zero_is_flagged_by_name(name: str, flag: str) -> None:
    assert flags(quote(**{name: "-0.0000001"})) == (flag,)
    assert flags(quote(**{name: "0"})) == ()


@pytest.mark.parametrize(
    ("cap", "volume", "flagged"),
    [
        ("3333370870735", "5.4", True),
        ("3333370870735", "0", True),
        ("1000000000", "999.99", True),
        ("1000000000", "1000", False),  # exactly a million times
        ("999999999", "0", False),  # too small to be sure
        ("2106847046", "278652", False),  # 7,561 times: the honest extreme
        ("738310755630", "19584692179", False),
    ],
)
def test_billions_that_nobody_trades_are_flagged(cap: str, volume: str, flagged: bool) -> None:
    assert flags(quote(market_cap=cap, volume_24h=volume)) == (("cap_without_volume",) if flagged else ())


def test_an_unknown_volume_is_not_held_against_a_cap() -> None:
    assert flags(quote(market_cap="3333370870735")) == ()


@pytest.mark.parametrize(
    ("price", "flagged"),
    [("2.42", False), ("2.43", True), ("1.8", False), ("1.79", True), ("2.1", False), ("2.22", False), ("0", True)],
)
def test_a_price_more_than_a_tenth_outside_its_day_is_flagged(price: str, flagged: bool) -> None:
    assert flags(quote(price=price, high_24h="2.2", low_24h="2.0")) == (("outside_day_range",) if flagged else ())


def test_a_range_of_zero_is_no_range() -> None:
    assert flags(quote(high_24h="0", low_24h="0")) == ()


def test_nothing_loses_more_than_everything() -> None:
    assert flags(quote(price_change_24h="-100")) == ()
    assert flags(quote(price_change_24h="-100.01")) == ("impossible_change",)


def test_a_quote_of_nothing_but_its_names_is_not_flagged() -> None:
    assert flags(Quote("a-coin", "A", "A coin", price=None, high_24h=Decimal(2), low_24h=Decimal(1))) == ()


def test_all_that_is_wrong_is_told_in_a_fixed_order() -> None:
    wrong = quote(
        price="-1", market_cap="5000000000", volume_24h="-5", low_24h="3", high_24h="4", price_change_24h="-150"
    )
    assert flags(wrong) == (
        "negative_price",
        "negative_volume_24h",
        "cap_without_volume",
        "outside_day_range",
        "impossible_change",
    )
