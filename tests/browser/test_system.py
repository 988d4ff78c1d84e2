"""The system's page: figures, charts, workers, sources, schedules, dead letters, live; and what can be done there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.browser.conftest import Axe
from tests.factories import Factory
from tests.program import Program
from tests.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCHEDULE = {"name": "largest, on weekdays", "source": "coinpaprika", "params": {"limit": 7}, "cron": "30 6 * * MON-FRI"}


@pytest.fixture(scope="module")
def program_settings() -> dict[str, str]:
    return {"INGEST_SCHEDULE": "csv=365d"}


@pytest.fixture(scope="module")
def seen(program: Program) -> Program:
    """The program with a schedule by the API beside the environment's, and samples of a few moments."""
    made = program.post("/api/v1/schedules", json=SCHEDULE)
    assert made.status_code in (201, 409)
    until(lambda: len(program.get("/api/v1/schedules").json()["data"]) == 2, "both schedules are there")
    until(lambda: program.get("/api/v1/health/history").json()["samples"], "a sample was taken")
    return program


def bury(program: Program, source: str, *, tasks: int = 1) -> list[int]:
    """Tasks that failed for good; their ids."""
    factory = Factory(program.database_url)
    failure = {"at": "2026-03-01T12:00Z", "attempt": 4, "detail": "it <b>answered</b> 503", "followed": "failed"}
    with factory.connection:
        # Ended just now: what ended long ago is pruned by the running worker.
        jobs = [factory.job(source, "failed", finished_at=datetime.now(UTC)) for _ in range(tasks)]
        return [factory.task(job, source, state="failed", params='{"limit": 5}', errors=[failure]) for job in jobs]


def test_the_page_shows_how_everything_fares(seen: Program, page: Page) -> None:
    page.goto("/system")
    assert page.locator("h1 + .badge").inner_text() == "healthy"
    assert page.locator('[data-system="workers"]').inner_text() == "1"
    assert page.locator("#workers tbody tr").count() == 1
    for source in ("csv", "coingecko", "coinpaprika"):
        row = page.locator("#sources tbody tr", has=page.get_by_role("rowheader", name=source, exact=True))
        assert "fresh" in row.inner_text()
    assert page.locator("#schedules tbody tr").count() == 2
    assert "30 6 * * MON-FRI" in page.locator("#schedules").inner_text()
    assert "every 365d" in page.locator("#schedules").inner_text()
    assert page.locator(".plot__drawing[aria-label]").count() == 3
    page.locator("#curl-schedules").locator("xpath=ancestor::details").locator("summary").click()
    assert f"curl {seen.url}/api/v1/schedules" in page.locator("#curl-schedules").inner_text()


def test_figures_change_by_themselves_while_a_job_runs(seen: Program, page: Page) -> None:
    page.goto("/system")
    before = seen.post("/api/v1/ingest/csv").json()["id"]
    seen.finished(before)
    # A task that nobody is due to take yet: it shows as one for later, without the page being loaded again.
    with psycopg.connect(seen.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO tasks (job_id, kind, source, state, max_attempts, run_at)"
            " VALUES (%s, 'fetch', 'csv', 'queued', 4, now() + interval '1 day')",
            [before],
        )
        try:
            page.locator('[data-system="later"]', has_text="1").wait_for()
        finally:
            connection.execute("DELETE FROM tasks WHERE job_id = %s AND state = 'queued'", [before])
    page.locator('[data-system="later"]', has_text="0").wait_for()


def test_a_schedule_is_paused_and_resumed_with_the_keyboard(seen: Program, page: Page) -> None:
    page.goto("/system")
    page.get_by_role("button", name=f"Pause {SCHEDULE['name']}").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name=f"Resume {SCHEDULE['name']}").wait_for()
    paused = [each["paused"] for each in seen.get("/api/v1/schedules").json()["data"]]
    assert paused == [False, True]
    page.get_by_role("button", name=f"Resume {SCHEDULE['name']}").click()
    page.get_by_role("button", name=f"Pause {SCHEDULE['name']}").wait_for()
    assert not any(each["paused"] for each in seen.get("/api/v1/schedules").json()["data"])


def test_a_dead_letter_is_run_again_and_goes(seen: Program, page: Page) -> None:
    [task] = bury(seen, "coinpaprika")
    page.goto("/system")
    letter = page.locator(f"#letter-{task}")
    assert "it <b>answered</b> 503" in letter.inner_text()
    page.get_by_role("button", name=f"Retry task {task}", exact=True).click()
    letter.wait_for(state="detached")
    page.locator(".toast", has_text="Retried: job #").wait_for()


def test_all_dead_letters_of_a_source_are_run_again_after_a_question(seen: Program, page: Page) -> None:
    tasks = bury(seen, "coingecko", tasks=2)
    page.goto("/system")
    page.get_by_role("button", name="Retry all of coingecko (2)").click()
    dialog = page.get_by_role("dialog")
    assert "2 failed tasks of coingecko" in dialog.inner_text()
    page.keyboard.press("Escape")
    assert page.locator(f"#letter-{tasks[0]}").count() == 1
    page.get_by_role("button", name="Retry all of coingecko (2)").click()
    dialog.get_by_role("button", name="Run them again").click()
    for task in tasks:
        page.locator(f"#letter-{task}").wait_for(state="detached")
    assert not dialog.is_visible()


@pytest.mark.usefixtures("seen")
def test_the_chart_says_its_figures_where_the_pointer_is(page: Page) -> None:
    page.goto("/system")
    page.locator("#depths-place").hover()
    tip = page.locator("#depths-place .plot__tip")
    tip.wait_for()
    assert "Fetching: " in tip.inner_text()
    assert "Merging: " in tip.inner_text()


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize("kind", ["page", "dark_page", "phone_page"])
def test_it_fits_and_axe_finds_nothing(axe: Axe, kind: str, request: pytest.FixtureRequest) -> None:
    page: Page = request.getfixturevalue(kind)
    page.goto("/system")
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
