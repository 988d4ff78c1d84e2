"""A coin's page in a real browser: the chart and its switches, live figures, corrections, and everyone who reads it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Axe, OpenPage
from tests.browser.troubles import Troubles
from tests.program import Program

if TYPE_CHECKING:
    from playwright.sync_api import Page

KEY = "a-secret-of-the-boss"
HEADER = "symbol,name,price,last_updated\n"


@pytest.fixture(scope="module")
def program_settings() -> dict[str, str]:
    return {"API_KEYS": f"boss:admin:{KEY}"}


def ingest(program: Program, admin: dict[str, str], *rows: str) -> None:
    """Upload rows of symbol, name and price, seen now."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    text = HEADER + "".join(f"{row},{now}\n" for row in rows)
    sent = program.post("/api/v1/ingest/csv", files={"file": ("rows.csv", text.encode(), "text/csv")}, headers=admin)
    assert program.finished(sent.json()["id"])["state"] == "succeeded"


def drawn(page: Page, what: str) -> None:
    """Wait until the chart shows it: range, interval and style."""
    page.locator(f'[data-chart][data-drawn^="{what} "]').wait_for()


def picture(page: Page) -> str:
    """What the chart's largest canvas has on it."""
    return str(
        page.evaluate(
            """() => [...document.querySelectorAll("[data-chart] canvas")]
                .sort((a, b) => b.width * b.height - a.width * a.height)[0].toDataURL()"""
        )
    )


def sign_in(page: Page) -> None:
    page.goto("/signin")
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="boss").wait_for()


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.usefixtures("program")
def test_price_chart_sources_and_reasons_are_there(page: Page, axe: Axe) -> None:
    page.goto("/coins/btc")
    drawn(page, "7d 1h candles")
    assert page.title() == "Bitcoin (BTC) · Crypto quotes"
    assert page.get_by_role("heading", level=1).inner_text() == "Bitcoin BTC"
    assert page.get_by_text(re.compile(r"^Exactly \d+(\.\d+)? US dollars$")).is_visible()
    assert re.match(r"In the last 7 days, by hour: from \$", page.locator("[data-note]").inner_text())
    table = page.get_by_role("table", name="Quotes by source")
    assert table.get_by_role("row", name="coingecko bitcoin").get_by_text("the record").is_visible()
    assert table.get_by_role("row", name="wbtc-wrapped-bitcoin").count() == 2
    assert page.get_by_text("The registry lists coingecko 'bitcoin' as btc").is_visible()
    assert axe(page) == []


@pytest.mark.usefixtures("program")
def test_range_hours_and_style_are_switched_in_place_and_stand_in_the_address(page: Page) -> None:
    page.goto("/coins/btc")
    drawn(page, "7d 1h candles")
    page.evaluate("window.stayed = true")
    candles = picture(page)

    page.get_by_role("link", name="Line").click()
    drawn(page, "7d 1h line")
    assert picture(page) != candles
    page.get_by_role("link", name="24h").press("Enter")
    drawn(page, "24h 1h line")
    assert page.evaluate("document.activeElement.textContent.trim()") == "24h"
    page.get_by_role("link", name="Day", exact=True).click()
    drawn(page, "24h 1d line")
    page.get_by_role("link", name="All").click()
    drawn(page, "all 1d line")
    assert page.url.endswith("/coins/btc?style=line&range=all&interval=1d")
    assert page.get_by_role("link", name="All").get_attribute("aria-current") == "true"

    page.go_back()
    drawn(page, "24h 1d line")
    assert page.evaluate("window.stayed") is True
    page.reload()
    drawn(page, "24h 1d line")


@pytest.mark.usefixtures("program")
def test_the_charts_figures_are_there_as_a_table(page: Page, axe: Axe) -> None:
    page.goto("/coins/btc?range=24h")
    page.get_by_text("The figures as a table").click()
    table = page.get_by_role("table", name="Prices in US dollars")
    assert table.get_by_role("row").count() >= 24
    page.get_by_text("Where each figure comes from").click()
    assert page.get_by_text("a source of higher priority goes first").first.is_visible()
    drawn(page, "24h 1h candles")
    assert axe(page) == []


def test_a_new_price_appears_by_itself_and_what_was_open_stays_open(
    page: Page, program: Program, admin: dict[str, str]
) -> None:
    ingest(program, admin, "LIVE,Lively,10.5")
    page.goto("/coins/live")
    drawn(page, "7d 1h candles")
    page.get_by_text("Where each figure comes from").click()
    ingest(program, admin, "LIVE,Lively,11.25")
    page.get_by_text("Exactly 11.25 US dollars").wait_for()
    assert page.get_by_text("What others said").is_visible()
    page.get_by_text("to $11.25").wait_for()


def test_who_is_not_signed_in_is_offered_no_correction(page: Page, program: Program) -> None:
    page.goto("/coins/btc")
    page.get_by_role("link", name="Sign in").wait_for()
    assert page.get_by_role("button", name="Correct").count() == 0
    assert program.request("DELETE", "/api/v1/mappings/csv/btc-bitcoin").status_code == 401


def test_a_mapping_is_corrected_and_taken_back_and_the_page_follows(
    page: Page, program: Program, admin: dict[str, str], axe: Axe
) -> None:
    ingest(program, admin, "TWIN,First of two,1", "TWIN,Second of two,2")
    sign_in(page)
    page.goto("/coins/twin-second-of-two")
    assert page.get_by_text("What else it might have been (1)").is_visible()
    page.get_by_role("button", name="Correct which coin csv twin-second-of-two is").click()
    dialog = page.get_by_role("dialog", name="Which coin is this?")
    assert axe(page) == []
    dialog.get_by_label("Canonical id of the coin").fill("twin")
    dialog.get_by_label("a wrapped coin that stands for it").check()
    dialog.get_by_role("button", name="Correct").click()

    page.wait_for_url("**/coins/twin")
    assert page.get_by_text("Set by hand, which wins over every rule.").is_visible()
    assert page.get_by_text("Ids given up that lead here: twin-second-of-two").is_visible()
    page.goto("/coins/twin-second-of-two")
    assert page.url.endswith("/coins/twin")

    page.get_by_role("button", name="Take back the correction of csv twin-second-of-two").click()
    page.get_by_role("dialog").get_by_role("button", name="Take it back").click()
    page.wait_for_url("**/coins/twin-second-of-two")
    assert page.get_by_text("Set by hand").count() == 0


def test_a_coin_of_its_own_and_a_correction_that_changes_the_relation_alone(
    page: Page, program: Program, admin: dict[str, str]
) -> None:
    ingest(program, admin, "QQALONE,Alone,1")
    sign_in(page)
    page.goto("/coins/qqalone")
    page.get_by_role("button", name="Correct which coin").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("a coin of its own").check()
    dialog.get_by_role("button", name="Correct").click()
    page.get_by_text("Set by hand, which wins over every rule.").wait_for()
    assert not dialog.is_visible()
    assert page.get_by_role("status").get_by_text("Corrected").is_visible()


def test_a_correction_that_is_refused_says_why_and_changes_nothing(
    page: Page, program: Program, admin: dict[str, str], troubles: Troubles
) -> None:
    ingest(program, admin, "REF,Refused,1")
    sign_in(page)
    page.goto("/coins/ref")
    page.get_by_role("button", name="Correct which coin").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Correct").click()
    assert dialog.get_by_role("alert").inner_text() == "Say which coin, or that it is a coin of its own."
    dialog.get_by_label("Canonical id of the coin").fill("No <b>Such</b> Id!")
    troubles.allow("422")
    dialog.get_by_role("button", name="Correct").click()
    dialog.get_by_text("lower-case letters and digits").wait_for()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert program.get("/api/v1/coins/ref").json()["mappings"][0]["matched_by"] == "new"


def test_hostile_names_are_only_words(page: Page, program: Program, admin: dict[str, str], axe: Axe) -> None:
    name = "<img src=x onerror=alert(1)>"
    ingest(program, admin, f"🐶,{name},1", f"{'W' * 70},{'long' * 70},1")
    page.goto("/coins/u1f436")
    assert page.get_by_role("heading", level=1).inner_text() == f"{name} 🐶"
    assert page.get_by_role("table", name="Quotes by source").is_visible()
    assert axe(page) == []


def test_on_a_phone_nothing_is_wider_than_the_screen(
    phone_page: Page, program: Program, admin: dict[str, str], axe: Axe
) -> None:
    ingest(program, admin, f"{'V' * 70},{'wide' * 70},1")
    for address in ("/coins/btc", f"/coins/{'v' * 70}"):
        phone_page.goto(address)
        phone_page.locator("[data-drawn]").wait_for()
        for summary in phone_page.locator("summary").all():
            summary.click()
        assert not scrolls_sideways(phone_page)
        assert axe(phone_page) == []


@pytest.mark.usefixtures("program")
def test_the_dark_page_is_dark_and_its_chart_with_it(page: Page, dark_page: Page, axe: Axe) -> None:
    for each in (page, dark_page):
        each.goto("/coins/eth")
        drawn(each, "7d 1h candles")
    assert background(dark_page) != background(page)
    assert axe(dark_page) == []
    light = picture(page)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        """light => [...document.querySelectorAll("[data-chart] canvas")]
            .sort((a, b) => b.width * b.height - a.width * a.height)[0].toDataURL() !== light""",
        arg=light,
    )


@pytest.mark.usefixtures("program")
def test_without_scripts_all_can_be_read_but_the_chart(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/coins/btc?range=24h&interval=1h")
    assert page.get_by_text("The chart needs JavaScript.").is_visible()
    assert not page.locator("[data-chart]").is_visible()
    page.get_by_text("The figures as a table").click()
    assert page.get_by_role("table", name="Prices in US dollars").get_by_role("row").count() >= 24
    page.get_by_role("link", name="30d").click()
    assert page.url.endswith("range=30d&interval=1h")
    assert "the last 30 days, by hour" in str(page.locator("#part-table caption").text_content())
