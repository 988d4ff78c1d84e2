"""What holds for every page: no finding of axe, fits a phone, dark when wanted, all by keyboard, no other host asked.

That a page complains nowhere and asks no other host is what the fixtures of the pages watch, in each of these tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Axe, OpenPage
from tests.browser.troubles import Troubles
from tests.program import Program

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = ("/", "/?search=nothing-has-this-name", "/coins/btc", "/jobs", "/jobs/1", "/system", "/signin", "/nowhere")
_MOST_STOPS = 500
# Remembers every element that can be used now, and from then on which ones had the focus and how that showed.
_WATCH_FOCUS = """() => {
    const usable = "a[href], button:enabled, input:enabled:not([type=hidden], [tabindex='-1'], [type=radio]),"
        + " select:enabled, textarea:enabled, summary, [tabindex='0']";
    window.usable = [...document.querySelectorAll(usable)].filter((one) => one.checkVisibility());
    window.reached = new Set();
    window.unseen = [];
    document.addEventListener("focusin", ({ target }) => {
        reached.add(target);
        const look = getComputedStyle(target);
        const shown = look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 1;
        if (!shown) unseen.push(target.outerHTML.slice(0, 200));
    });
}"""
# What a page's own news have replaced meanwhile can't be reached any more.
_MISSED = "usable.filter((one) => one.isConnected && !reached.has(one)).map((one) => one.outerHTML.slice(0, 200))"


def visit(page: Page, address: str) -> None:
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == (404 if address == "/nowhere" else 200)
    page.locator("main h1").first.wait_for()


@pytest.fixture(autouse=True)
def _missing_page_is_no_trouble(program: Program, troubles: Troubles) -> None:  # noqa: ARG001 - it has the data
    """Of the page that isn't there the browser says so."""
    troubles.allow("404 (NOT FOUND)")


@pytest.mark.parametrize("address", PAGES)
def test_axe_finds_nothing_serious_in_light_and_in_dark(page: Page, dark_page: Page, axe: Axe, address: str) -> None:
    visit(page, address)
    assert axe(page) == []
    visit(dark_page, address)
    assert axe(dark_page, rule="color-contrast") == []
    assert _ground(page) != _ground(dark_page)


@pytest.mark.parametrize("address", PAGES)
def test_on_a_phone_it_doesnt_scroll_sideways_and_axe_finds_nothing_serious(
    phone_page: Page, axe: Axe, address: str
) -> None:
    visit(phone_page, address)
    wide = phone_page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0
    assert axe(phone_page) == []


@pytest.mark.parametrize("address", PAGES)
def test_every_control_is_reached_by_tab_and_shows_that_it_has_the_focus(page: Page, address: str) -> None:
    visit(page, address)
    page.evaluate(_WATCH_FOCUS)
    outside = 0
    for _ in range(_MOST_STOPS):
        page.keyboard.press("Tab")
        outside += page.evaluate("document.activeElement === document.body")
        # Once behind the last one; once more where news replaced what had the focus.
        if outside > 2 or not page.evaluate(_MISSED):
            break
    assert page.evaluate(_MISSED) == []
    assert page.evaluate("unseen") == []


@pytest.mark.parametrize("address", PAGES)
def test_the_first_stop_leads_past_the_navigation(page: Page, address: str) -> None:
    visit(page, address)
    if address == "/signin":
        return  # where the cursor stands in the only field
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("address", [each for each in PAGES if each not in ("/nowhere",)])
def test_it_can_be_read_without_scripts(open_page: OpenPage, address: str) -> None:
    page = open_page(java_script_enabled=False)
    visit(page, address)
    assert len(page.locator("main").inner_text()) > 40


def _ground(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))
