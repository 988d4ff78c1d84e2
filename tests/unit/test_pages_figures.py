"""Figures made readable."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.figure_cases import AMOUNTS, EXACT, NUMBERS, PERCENTS, PRICES
from web.pages import figures


@pytest.mark.parametrize(("digits", "shown"), PRICES)
def test_a_price_is_readable_from_a_billionth_to_absurd_heights(digits: str | None, shown: str) -> None:
    assert figures.price(digits) == shown


@pytest.mark.parametrize(("digits", "shown"), AMOUNTS)
def test_an_amount_has_three_digits_and_a_unit_from_a_million_on(digits: str | None, shown: str) -> None:
    assert figures.amount(digits) == shown


@pytest.mark.parametrize(("digits", "shown"), NUMBERS)
def test_a_number_is_grouped_or_shortened(digits: str | None, shown: str) -> None:
    assert figures.number(digits) == shown


@pytest.mark.parametrize(("digits", "shown", "way"), PERCENTS)
def test_a_change_has_a_sign_and_goes_the_way_that_it_shows(digits: str | None, shown: str, way: str) -> None:
    assert (figures.percent(digits), figures.trend(digits)) == (shown, way)


@pytest.mark.parametrize(("digits", "shown"), EXACT)
def test_all_digits_are_kept_where_they_are_asked_for(digits: str | None, shown: str) -> None:
    assert figures.exact(digits) == shown


def test_digits_beyond_a_usual_decimal_context_are_rounded_once() -> None:
    # 28 digits first and 2 then would make it 0.02.
    assert figures.price(Decimal("1.0149999999999999999999999999999999999")) == "$1.01"
    assert figures.amount(Decimal("1014999999999999999.99999999999999999999")) == "$1.01e18"
