"""A coin's page, the pure parts: what its address means, and how quotes are put side by side."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.models import Quote
from core.plausibility import flags
from web.pages import coinwords
from web.pages.coinsources import difference
from web.pages.coinstate import ChartState, state_of

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)
JUST_NOW = NOW - timedelta(minutes=1)
D = Decimal


@pytest.mark.parametrize(
    ("query", "state"),
    [
        ({}, ChartState("7d", "1h", "candles")),
        ({"range": "24h"}, ChartState("24h", "1h", "candles")),
        ({"range": "30d"}, ChartState("30d", "1d", "candles")),
        ({"range": "all", "style": "line"}, ChartState("all", "1d", "line")),
        ({"range": "all", "interval": "1h"}, ChartState("all", "1h", "candles")),
        ({"range": "1y", "interval": "raw", "style": "<b>", "page": "2"}, ChartState("7d", "1h", "candles")),
    ],
)
def test_the_address_says_what_the_chart_shows_and_nonsense_is_as_usual(
    query: dict[str, str], state: ChartState
) -> None:
    assert state_of(query, JUST_NOW, NOW) == state


def test_a_coin_that_was_last_seen_long_ago_shows_its_whole_past() -> None:
    assert state_of({}, NOW - timedelta(days=8), NOW).range == "all"
    assert state_of({"range": "24h"}, NOW - timedelta(days=8), NOW).range == "24h"


@pytest.mark.parametrize(
    ("state", "back", "shorter"),
    [
        (ChartState("24h", "1h", "line"), timedelta(hours=24), False),
        (ChartState("30d", "1h", "line"), timedelta(days=7), True),
        (ChartState("30d", "1d", "line"), timedelta(days=30), False),
        (ChartState("all", "1d", "line"), timedelta(days=366), True),
    ],
)
def test_the_table_goes_back_as_far_as_the_chart_or_as_a_reader_would(
    state: ChartState, back: timedelta, shorter: bool
) -> None:
    assert state.table_begin(NOW) == NOW - back
    assert state.table_is_shorter is shorter


@pytest.mark.parametrize(
    ("price", "golden", "percent"),
    [
        (D("101"), D("100"), D("1")),
        (D("0.000000000000000000055"), D("0.00000000000000000005"), D("10")),
        (D("1"), D("3"), D("-66.6666666667")),
        (D("5"), D("5.00"), D("0")),
        (None, D("1"), None),
        (D("1"), None, None),
        (D("1"), D("0.00"), None),
    ],
)
def test_a_difference_is_in_percent_of_the_record_without_a_float(
    price: Decimal | None, golden: Decimal | None, percent: Decimal | None
) -> None:
    assert difference(price, golden) == percent


def test_every_flag_has_words() -> None:
    wrong = Quote("x", "X", "X", D(-1), D(-1), D(-1), D(-101), high_24h=D(2), low_24h=D(1))
    untraded = Quote("y", "Y", "Y", D(1), D(10**12), D(0))
    known = [*flags(wrong), *flags(untraded)]
    assert len(known) == 6
    for name, words in zip(known, coinwords.flags(known), strict=True):
        assert words != f"{name.replace('_', ' ').capitalize()}."


def test_a_flag_reason_or_rule_that_is_new_is_shown_as_it_stands() -> None:
    assert coinwords.flags(["odd_name"]) == ["Odd name."]
    assert (coinwords.lost_by("weaker"), coinwords.lost_by(None)) == ("weaker", "")
    assert coinwords.matched_by("by-magic") == "by-magic"
