"""`python -m tests.browser.screenshots FOLDER`: a picture of each page, light and dark. `make screenshots` runs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.chromium import NoBrowserError, chromium
from tests.browser.ground import market_program
from tests.browser.smallpng import small
from tests.program import Program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_SIZE = {"width": 1280, "height": 800}
# A page's name, its address, and what it waits for until it is complete.
_PAGES = (
    ("market", "/", "main table"),
    ("coin", "/coins/btc", "[data-chart][data-drawn]"),
    ("jobs", "/jobs", "main table"),
    ("job", "/jobs/{job}", "main h1"),
    ("system", "/system", "main h1"),
)


def main(arguments: list[str]) -> int:
    """The exit code: 1 where there is no browser."""
    folder = Path(*arguments)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with chromium() as browser, market_program() as program:
            for theme in ("light", "dark"):
                _shoot(browser, program, folder, theme)
    except NoBrowserError as error:
        _say(str(error))
        return 1
    return 0


def _shoot(browser: Browser, program: Program, folder: Path, theme: str) -> None:
    context = browser.new_context(
        base_url=program.url,
        viewport=_SIZE,  # type: ignore[arg-type]
        color_scheme="light" if theme == "light" else "dark",
        reduced_motion="reduce",
        timezone_id="UTC",
        locale="en-GB",
    )
    page = context.new_page()
    for name, address, complete in _PAGES:
        page.goto(address.format(job=_job_of_all(program)))
        page.locator(complete).first.wait_for()
        _settled(page)
        picture = small(page.screenshot())
        target = folder / f"{name}-{theme}.png"
        target.write_bytes(picture)
        _say(f"{target}: {len(picture) / 1024:.0f} KB")
    context.close()


def _settled(page: Page) -> None:
    """Until live figures come in and nothing is drawn any more."""
    page.locator('[data-live="live"]').wait_for()
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 400)))")


def _job_of_all(program: Program) -> int:
    """The latest job that asked all sources."""
    jobs = program.get("/api/v1/jobs?page_size=50").json()["data"]
    return next(int(job["id"]) for job in jobs if job["kind"] == "all")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
