"""The market in a real browser: search, order, figures that change under the reader's eyes, phones, no scripts."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.troubles import Troubles
from tests.program import Program
from tests.unit.figure_cases import AMOUNTS, EXACT, NUMBERS, PERCENTS, PRICES
from tests.waiting import until
from web.pages import figures

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.usefixtures("program")

HEADER = "symbol,name,price,market_cap,last_updated\n"


def ingest(program: Program, *rows: str) -> None:
    """Upload rows of symbol, name, price and cap, seen now."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    text = HEADER + "".join(f"{row},{now}\n" for row in rows)
    sent = program.post("/api/v1/ingest/csv", files={"file": ("rows.csv", text.encode(), "text/csv")})
    assert program.finished(sent.json()["id"])["state"] == "succeeded"


def coins(page: Page) -> list[str]:
    return [str(row.get_attribute("data-coin")) for row in page.locator("[data-coin]").all()]


def live(page: Page) -> None:
    """Wait until changes reach the page."""
    page.get_by_text("Live", exact=True).wait_for()


def test_a_search_shows_its_results_at_once_and_stands_in_the_address(page: Page) -> None:
    page.goto("/")
    page.get_by_role("searchbox").fill("ethereu")
    page.wait_for_url("**/?search=ethereu")
    until(lambda: "btc" not in coins(page), "the results are shown")
    assert "eth" in coins(page)
    assert "search=ethereu" in str(page.locator("#curl").text_content())
    page.reload()
    assert page.get_by_role("searchbox").input_value() == "ethereu"
    assert "btc" not in coins(page)


def test_what_is_not_found_leads_back_to_all(page: Page) -> None:
    page.goto("/?search=nothing-is-called-so")
    page.get_by_text("No coin found").wait_for()
    page.get_by_role("link", name="Show all coins").click()
    page.wait_for_url("**/")
    assert "btc" in coins(page)


def test_a_heading_sorts_one_way_and_then_the_other(page: Page) -> None:
    page.goto("/")
    page.get_by_role("columnheader", name="Price").get_by_role("link").click()
    page.wait_for_url("**/?sort=-price")
    down = coins(page)
    page.get_by_role("columnheader", name="Price").get_by_role("link").click()
    page.wait_for_url("**/?sort=price")
    assert page.get_by_role("columnheader", name="Price").get_attribute("aria-sort") == "ascending"
    assert coins(page)[0] not in down[:1]


def test_pages_and_the_source_keep_the_order(page: Page) -> None:
    page.goto("/?sort=name")
    first = coins(page)
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**/?sort=name&page=2")
    assert not set(first) & set(coins(page))
    page.get_by_label("Winning source").select_option("csv")
    page.wait_for_url("**/?sort=name&source=csv")


def test_a_price_changes_in_place_as_an_ingest_commits(page: Page, program: Program) -> None:
    ingest(program, "LIV,Live Coin,100.5,12")
    page.goto("/?search=live+coin")
    price = page.locator('[data-coin="liv"] [data-figure="price"]')
    assert price.inner_text() == "$100.50"
    live(page)
    page.evaluate("document.body.dataset.here = 'yes'")
    ingest(program, "LIV,Live Coin,0.00000000123,13")
    page.locator('[data-coin="liv"]').get_by_text("$0.0₈123").wait_for()
    assert price.get_attribute("title") == "0.00000000123"
    assert "changed--down" in str(price.get_attribute("class"))
    # In place: it is still the same document.
    assert page.evaluate("document.body.dataset.here") == "yes"


def test_a_coin_that_enters_the_page_appears_without_a_reload(page: Page, program: Program) -> None:
    page.goto("/")
    live(page)
    name = page.locator('[data-coin="giant"]')
    assert name.count() == 0
    ingest(program, "GIANT,Giant,7,900000000000000")
    name.wait_for()
    assert coins(page)[0] == "giant"
    page.locator("[data-overview]").get_by_text(re.compile(r"\$90\d\.\d\dT")).wait_for()


def test_without_a_stream_the_page_asks_by_itself(page: Page, program: Program, troubles: Troubles) -> None:
    troubles.allow("/api/v1/events")
    page.route("**/api/v1/events", lambda route: route.fulfill(status=503, body=""))
    ingest(program, "POL,Polled,1,5")
    page.goto("/?search=polled")
    page.get_by_text("Polling", exact=True).wait_for()
    ingest(program, "POL,Polled,2,5")
    page.get_by_text("$2.00").wait_for()


def test_hostile_names_stay_text_when_they_come_live(page: Page, program: Program) -> None:
    page.goto("/?search=evil")
    live(page)
    ingest(program, "EVIL,<img src=x onerror=document.title='evil'> evil,3,5")
    page.locator('[data-coin^="evil"]').wait_for()
    assert "<img" in page.locator('[data-coin^="evil"] .coin__name').inner_text()
    assert page.title().startswith("Market")


def test_a_slash_goes_to_the_search(page: Page) -> None:
    page.goto("/")
    live(page)
    page.keyboard.press("/")
    assert page.get_by_role("searchbox").evaluate("each => each === document.activeElement")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert page.get_by_role("searchbox").input_value() == ""


def test_the_command_can_be_copied(open_page: OpenPage) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto("/?search=bitcoin")
    page.get_by_text("The same over the API").click()
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(
        r"curl 'http://127\.0\.0\.1:\d+/api/v1/data\?page_size=50&sort=-market_cap&search=bitcoin'", copied
    )


def test_on_a_phone_every_figure_of_a_coin_is_on_the_screen(phone_page: Page) -> None:
    phone_page.goto("/")
    for figure in phone_page.locator('[data-coin="btc"] [data-figure], [data-coin="btc"] time').all():
        box = figure.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360


def test_without_scripts_the_form_and_the_links_do_it(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/?sort=name")
    page.get_by_role("searchbox").fill("bitcoin")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url(re.compile(r"\?sort=name&search=bitcoin"))
    assert "btc" in coins(page)
    assert "eth" not in coins(page)


def _digits(count: int) -> list[str]:
    draw = random.Random(7)
    made = []
    for _ in range(count):
        digits = tuple(draw.choice((0, 9, 5, 4, draw.randint(0, 9))) for _ in range(draw.randint(1, 25)))
        figure = Decimal((draw.randint(0, 1), digits, draw.randint(-30, 22)))
        made.append(draw.choice((str(figure), format(figure, "f"))))
    return made


def _written(texts: Sequence[str | None]) -> list[list[str]]:
    ways = (figures.price, figures.amount, figures.number, figures.percent, figures.trend, figures.exact)
    return [[way(text) for way in ways] for text in texts]


def test_browser_and_server_write_every_figure_alike(page: Page) -> None:
    page.goto("/")
    app = page.locator('script[src$="/js/app.js"]').get_attribute("src")
    assert app
    texts = [case[0] for case in (*PRICES, *AMOUNTS, *NUMBERS, *PERCENTS, *EXACT)] + _digits(500)
    written = page.evaluate(
        """async ([module, texts]) => {
            const { price, amount, number, percent, trend, exact } = await import(module);
            return texts.map((text) => [price, amount, number, percent, trend, exact].map((way) => way(text)));
        }""",
        [app.replace("app.js", "figures.js"), texts],
    )
    assert written == _written(texts)
