"""The fixtures of these tests see what they are there to see: trouble in the browser, other hosts, findings of axe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.chromium import NoBrowserError, executable
from tests.browser.conftest import Axe
from tests.browser.troubles import Troubles
from tests.program import Program
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

_WITHOUT_NAMES = "<input><img src='data:,'><p style='color:#eee;background:#fff'>pale</p>"


def test_the_api_document_is_read_without_another_host(page: Page) -> None:
    page.goto("/docs")
    page.get_by_role("heading", name="Crypto quotes").wait_for()


def test_the_market_is_there_with_a_past(program: Program) -> None:
    coins = program.get("/api/v1/data?page_size=1").json()
    past = program.get("/api/v1/coins/btc/history?interval=1d").json()
    assert coins["total"] > 50
    assert past["total"] >= 7


_TROUBLES = {
    "the console has an error": "console.error('lost my way')",
    "a script fails": "setTimeout(() => { throw new Error('lost my way') })",
    # The policy of the page forbids it, and asking for it is trouble all the same.
    "another host is asked": "fetch('http://127.0.0.2:9/?lost my way').catch(() => 0)",
}


@pytest.mark.parametrize("script", _TROUBLES.values(), ids=_TROUBLES)
def test_it_is_trouble_when(page: Page, troubles: Troubles, script: str) -> None:
    page.goto("/api/v1/stats")
    page.evaluate(f"() => {{ {script} }}")

    def seen() -> list[str]:
        page.evaluate("1")  # lets the browser's messages in
        return troubles.found

    until(seen, "the trouble is seen")
    troubles.allow("lost", "127.0.0.2")
    assert not troubles.found


def test_axe_finds_what_has_no_name_and_what_is_too_pale(page: Page, axe: Axe) -> None:
    page.set_content(f"<!doctype html><html lang=en><title>t</title><main><h1>h</h1>{_WITHOUT_NAMES}</main>")
    rules = {found.partition(" ")[0] for found in axe(page)}
    assert rules == {"label", "image-alt", "color-contrast"}


def test_axe_works_on_a_page_with_a_strict_policy(page: Page, axe: Axe) -> None:
    page.goto("/api/v1/stats")
    assert isinstance(axe(page), list)


def test_without_a_browser_a_sentence_says_what_to_install(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("PATH", str(tmp_path))
    environment.delenv("CHROMIUM", raising=False)
    with pytest.raises(NoBrowserError, match="apt-get install chromium"):
        executable()
    environment.setenv("CHROMIUM", "/nowhere/chromium")
    with pytest.raises(NoBrowserError, match="CHROMIUM names /nowhere/chromium"):
        executable()
