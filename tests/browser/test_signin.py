"""Signing in with a browser, as a person does it: a key typed once, writes from the pages, and out again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Axe, OpenPage
from tests.browser.troubles import Troubles
from tests.program import Program

if TYPE_CHECKING:
    from playwright.sync_api import Page

BOSS = "secret-of-the-boss"


@pytest.fixture(scope="module")
def program_settings() -> dict[str, str]:
    return {"API_KEYS": f"boss:admin:{BOSS},eye:read:secret-of-the-eye", "READ_ACCESS": "key"}


@pytest.fixture(autouse=True)
def _a_refusal_is_no_trouble(troubles: Troubles) -> None:
    """Of a key that isn't known the browser's console says so."""
    troubles.allow("401 (UNAUTHORIZED)")


def sign_in(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()


def test_a_person_signs_in_starts_a_job_and_signs_out(page: Page, axe: Axe) -> None:
    page.goto("/jobs")
    page.wait_for_url("**/signin?next=/jobs")
    assert axe(page) == []
    sign_in(page, "a key that is wrong")
    page.get_by_role("alert").wait_for()
    assert axe(page) == []
    sign_in(page, BOSS)
    page.wait_for_url("**/jobs")
    page.get_by_text("Start an ingest").click()
    page.get_by_label("CSV on the server", exact=False).first.check()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/\d+$"))
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("link", name="boss").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/signin")
    page.goto("/jobs")
    page.wait_for_url("**/signin?next=/jobs")


def test_without_a_script_a_form_writes_as_well(open_page: OpenPage, empty_program: Program) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/signin?next=/jobs")
    sign_in(page, BOSS)
    page.wait_for_url("**/jobs")
    page.get_by_text("Start an ingest").click()
    page.get_by_label("CSV on the server", exact=False).first.check()
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/\d+$"))
    job = empty_program.get(f"/api/v1/jobs/{page.url.rpartition('/')[2]}", headers={"X-API-Key": BOSS})
    assert job.status_code == 200


def test_another_sites_form_writes_nothing_with_a_signed_in_browser(page: Page, empty_program: Program) -> None:
    page.goto("/signin")
    sign_in(page, BOSS)
    page.get_by_role("link", name="boss").wait_for()
    before = empty_program.get("/api/v1/jobs", headers={"X-API-Key": BOSS}).json()["total"]
    page.goto("about:blank")
    page.set_content(f'<form method="post" action="{empty_program.url}/api/v1/ingest/csv"><button>Win</button></form>')
    with page.expect_response("**/api/v1/ingest/csv") as answer:
        page.get_by_role("button", name="Win").click()
    assert answer.value.status in (401, 403)
    assert empty_program.get("/api/v1/jobs", headers={"X-API-Key": BOSS}).json()["total"] == before
