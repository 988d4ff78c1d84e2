"""What the market's address asks for, and a week as a line."""

from __future__ import annotations

from decimal import Decimal

import pytest

from web.pages.marketquery import MarketQuery
from web.pages.sparkline import HEIGHT, sparkline


def test_an_address_without_a_query_asks_for_the_largest_coins() -> None:
    assert MarketQuery.of({}) == MarketQuery(sort="-market_cap", search="", source="", page=1)


def test_the_address_holds_all_state() -> None:
    given = {"sort": "price", "search": " bit ", "source": "csv", "page": "3"}
    assert MarketQuery.of(given) == MarketQuery(sort="price", search="bit", source="csv", page=3)


@pytest.mark.parametrize(
    "given",
    [
        {"sort": "coin_key"},
        {"sort": "--price"},
        {"source": "nobody"},
        {"page": "0"},
        {"page": "-1"},
        {"page": "x"},
        {"page": "٣"},
        {"page": "9" * 5000},
        {"search": "\0"},
        {"colour": "red"},
    ],
)
def test_what_makes_no_sense_counts_as_not_given(given: dict[str, str]) -> None:
    assert MarketQuery.of(given) == MarketQuery()


def test_a_click_sorts_by_a_headings_usual_direction_and_then_by_the_other() -> None:
    query = MarketQuery(sort="-market_cap")
    assert (query.sorted_by("price"), query.sorted_by("name")) == ("-price", "name")
    assert query.sorted_by("market_cap") == "market_cap"
    assert MarketQuery(sort="name").sorted_by("name") == "-name"
    assert MarketQuery(sort="price").sorted_by("price") == "-price"


def test_the_api_is_asked_for_the_same_page() -> None:
    query = MarketQuery(sort="price", search="a&b", source="csv", page=2)
    assert query.api_address() == "/api/v1/data?page=2&page_size=50&sort=price&search=a%26b&source=csv"
    assert MarketQuery().api_address() == "/api/v1/data?page_size=50&sort=-market_cap"


def _week(*prices: str, begin: int = 0) -> list[list[Decimal]]:
    return [[Decimal(begin + step), Decimal(price)] for step, price in enumerate(prices)]


def test_a_week_goes_from_left_to_right_and_the_highest_price_is_at_the_top() -> None:
    line = sparkline(_week("1", "3", "2", begin=39))
    assert line
    assert line.points == "117,34 120,2 123,18"
    assert line.change == 100
    assert line.trend == "up"


def test_a_level_week_is_a_line_through_the_middle() -> None:
    line = sparkline(_week("5", "5"))
    assert line
    assert [point.split(",")[1] for point in line.points.split()] == [str(HEIGHT // 2)] * 2
    assert line.trend == "level"


def test_a_week_that_began_at_nothing_has_no_change_in_percent() -> None:
    line = sparkline(_week("0", "5"))
    assert line
    assert line.change is None
    assert line.trend == "level"


def test_what_was_seen_once_makes_no_line() -> None:
    assert sparkline(_week("5")) is None
    assert sparkline([]) is None
