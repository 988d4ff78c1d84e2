"""The pages of jobs in a browser: started, watched, cancelled and retried by a person with mouse and keyboard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Axe, OpenPage
from tests.browser.troubles import Troubles
from tests.program import Program
from tests.upstream.server import COINGECKO, COINPAPRIKA, Upstream

if TYPE_CHECKING:
    from playwright.sync_api import Page

FILE = "Symbol;Name;Last\nBTC;Bitcoin;97000,5\nETH;Ethereum;<b>a lot</b>\n"


@pytest.fixture(autouse=True)
def a_well_behaved_market(market: Upstream) -> None:
    market.forget()


def choose(page: Page, source: str) -> None:
    """Open the form and say where the quotes come from."""
    page.goto("/jobs")
    page.get_by_text("Start an ingest").click()
    page.get_by_label(source, exact=False).first.check()


def start(page: Page) -> int:
    """Send the form and wait for the job's page; its number."""
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/jobs/\d+$"))
    return int(page.url.rpartition("/")[2])


def state_is(page: Page, state: str) -> None:
    page.locator(f"#job[data-state={state}]").wait_for()


def jobs_of(program: Program) -> int:
    return int(program.get("/api/v1/jobs?page_size=1").json()["total"])


def held(market: Upstream, program: Program, path: str = COINGECKO) -> int:
    """A job that runs for as long as the market likes."""
    market.behave(path, "hang", seconds=600)
    accepted = program.post("/api/v1/ingest/coingecko?limit=5")
    return int(accepted.json()["id"])


def test_a_job_is_started_and_seen_to_finish(page: Page, empty_program: Program) -> None:
    choose(page, "coingecko")
    page.get_by_label("Coins of coingecko").fill("7")
    job = start(page)
    state_is(page, "succeeded")
    assert page.get_by_text("7 coins", exact=True).is_visible()
    assert empty_program.job(job)["total_fetched"] == 7


def test_a_limit_that_is_none_is_told_before_anything_is_sent(page: Page, empty_program: Program) -> None:
    before = jobs_of(empty_program)
    choose(page, "coingecko")
    page.get_by_label("Coins of coingecko").fill("0")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("alert").get_by_text("coingecko limit").wait_for()
    assert jobs_of(empty_program) == before


def test_a_double_click_makes_one_job(page: Page, empty_program: Program) -> None:
    before = jobs_of(empty_program)
    choose(page, "CSV on the server")
    page.get_by_role("button", name="Start", exact=True).dblclick()
    page.wait_for_url(re.compile(r"/jobs/\d+$"))
    assert jobs_of(empty_program) == before + 1


def test_what_is_sent_again_after_a_lost_answer_makes_one_job(
    page: Page, empty_program: Program, troubles: Troubles
) -> None:
    troubles.allow("net::ERR_FAILED")
    before = jobs_of(empty_program)
    choose(page, "CSV on the server")
    lost = []

    def lose_the_answer(route: object) -> None:
        route.fetch()  # type: ignore[attr-defined]
        lost.append(route)
        route.abort()  # type: ignore[attr-defined]

    page.route("**/api/v1/ingest/csv", lose_the_answer, times=1)
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("alert").get_by_text("can't be reached").wait_for()
    start(page)
    assert lost
    assert jobs_of(empty_program) == before + 1


def test_a_file_is_uploaded_with_a_column_named_and_its_bad_row_is_shown(
    page: Page, empty_program: Program, tmp_path: Path
) -> None:
    file = tmp_path / "quotes.csv"
    file.write_text(FILE)
    choose(page, "Upload a CSV")
    page.get_by_label("Drop a CSV file here, or choose one").set_input_files(file)
    page.get_by_text("Say which column is what").click()
    page.locator("#headers option[value=Last]").wait_for(state="attached")
    page.get_by_label("price", exact=True).fill("Last")
    job = start(page)
    state_is(page, "succeeded")
    rejected = page.get_by_role("region", name="Rows not stored")
    assert rejected.get_by_text("ETH;Ethereum;<b>a lot</b>").is_visible()
    assert page.get_by_text("the upload “quotes.csv” with price from “Last”").is_visible()
    with page.expect_download() as download:
        rejected.get_by_role("link", name="as CSV").click()
    assert download.value.suggested_filename == f"job-{job}-rejects.csv"
    rejected.get_by_role("link", name="All rows that were not stored").click()
    page.get_by_role("heading", name="Rows not stored").wait_for()
    assert empty_program.job(job)["rejected"] == 1


def test_a_file_that_is_none_of_quotes_is_refused_with_a_sentence(
    page: Page, tmp_path: Path, troubles: Troubles
) -> None:
    troubles.allow("status of 422")
    file = tmp_path / "poem.csv"
    file.write_text("roses,are,red\n1,2,3\n")
    choose(page, "Upload a CSV")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("alert").get_by_text("Choose a file first").wait_for()
    page.get_by_label("Drop a CSV file here").set_input_files(file)
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("alert").get_by_text("neither a symbol nor a name").wait_for()
    assert page.get_by_role("button", name="Start", exact=True).is_enabled()


def test_a_running_job_is_cancelled_after_a_question(page: Page, empty_program: Program, market: Upstream) -> None:
    job = held(market, empty_program)
    page.goto(f"/jobs/{job}")
    state_is(page, "running")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Let it run").click()
    assert empty_program.job(job)["cancel_requested_at"] is None
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel the job").click()
    page.get_by_text("stopping").first.wait_for()
    assert empty_program.job(job)["cancel_requested_at"] is not None
    market.forget()


def test_a_failed_job_is_retried_and_each_leads_to_the_other(
    page: Page, empty_program: Program, market: Upstream
) -> None:
    market.behave(COINPAPRIKA, status=404)
    job = empty_program.post("/api/v1/ingest/coinpaprika?limit=5").json()["id"]
    empty_program.finished(job)
    page.goto(f"/jobs/{job}")
    assert page.get_by_text("404").first.is_visible()
    page.get_by_role("button", name="Retry what failed").click()
    page.wait_for_url(re.compile(rf"/jobs/(?!{job}$)\d+$"))
    state_is(page, "succeeded")
    page.get_by_role("link", name=f"job {job}", exact=True).click()
    page.get_by_text("Run again by", exact=False).first.wait_for()
    page.get_by_role("button", name="Retry what failed").click()
    page.get_by_role("dialog").get_by_text("was run again before").wait_for()


def test_the_list_follows_jobs_in_place_and_keeps_the_focus(page: Page, empty_program: Program) -> None:
    first = empty_program.post("/api/v1/ingest/csv").json()["id"]
    empty_program.finished(first)
    page.goto("/jobs")
    page.get_by_text("Live", exact=True).wait_for()
    link = page.locator(f"#job-{first} a").first
    link.focus()
    page.evaluate("window.sameDocument = true")
    second = empty_program.post("/api/v1/ingest/csv").json()["id"]
    page.locator(f"#job-{second}[data-state=succeeded]").wait_for()
    assert page.evaluate("document.activeElement.getAttribute('href')") == f"/jobs/{first}"
    assert page.evaluate("window.sameDocument")


def test_filters_stand_in_the_address_and_survive_going_back(page: Page, empty_program: Program) -> None:
    empty_program.finished(empty_program.post("/api/v1/ingest/csv").json()["id"])
    page.goto("/jobs")
    page.locator("#state-succeeded").click()
    page.wait_for_url("**/jobs?state=succeeded")
    page.get_by_label("What", exact=True).select_option("coinpaprika")
    page.wait_for_url("**/jobs?state=succeeded&kind=coinpaprika")
    assert page.locator("#state-succeeded").get_attribute("aria-current") == "true"
    page.go_back()
    page.wait_for_url("**/jobs?state=succeeded")
    assert page.locator("#rows tr").count() > 0


def test_everything_fits_on_a_phone(phone_page: Page, empty_program: Program) -> None:
    job = empty_program.post("/api/v1/ingest/all?coingecko_limit=5&coinpaprika_limit=5").json()["id"]
    empty_program.finished(job)
    for address in ("/jobs", f"/jobs/{job}", f"/jobs/{job}/rejects"):
        phone_page.goto(address)
        assert phone_page.evaluate("document.documentElement.scrollWidth") <= 360
    phone_page.goto("/jobs")
    phone_page.get_by_text("Start an ingest").tap()
    phone_page.get_by_label("Upload a CSV").check()
    assert phone_page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_pages_have_no_serious_findings_of_axe(
    page: Page, dark_page: Page, empty_program: Program, market: Upstream, axe: Axe
) -> None:
    market.behave(COINPAPRIKA, status=404)
    job = empty_program.post("/api/v1/ingest/all?coingecko_limit=5&coinpaprika_limit=5").json()["id"]
    empty_program.finished(job)
    for look in (page, dark_page):
        look.goto(f"/jobs/{job}")
        assert axe(look) == []
        choose(look, "Upload a CSV")
        look.get_by_text("Say which column is what").click()
        assert axe(look) == []


def test_without_scripts_a_job_is_read_started_and_cancelled(
    open_page: OpenPage, empty_program: Program, market: Upstream
) -> None:
    page = open_page(java_script_enabled=False)
    market.behave(COINGECKO, "hang", seconds=600)
    page.goto("/jobs")
    page.get_by_text("Start an ingest").click()
    assert not page.get_by_text("Upload a CSV").is_visible()
    page.get_by_label("coingecko", exact=False).first.check()
    job = start(page)
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(re.compile(rf"/jobs/{job}$"))
    assert empty_program.job(job)["cancel_requested_at"] is not None
    market.forget()
