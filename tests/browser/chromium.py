"""The browser that the pages are tested in: the system's own Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES = ("chromium", "chromium-browser", "google-chrome")
# It is to ask for nothing but what the pages ask for.
_QUIET = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


class NoBrowserError(Exception):
    """Its sentence says what to install."""


def executable(environ: dict[str, str] | None = None) -> Path:
    """Chromium's program: the variable CHROMIUM, else the first one on PATH. Raises NoBrowserError."""
    named = (os.environ if environ is None else environ).get("CHROMIUM", "")
    found = next(filter(None, map(shutil.which, [named] if named else _NAMES)), None)
    if found:
        return Path(found)
    if named:
        raise NoBrowserError(f"CHROMIUM names {named}, which is no program that can be run.")
    raise NoBrowserError("Chromium is missing: install it (Debian: apt-get install chromium), or name it in CHROMIUM.")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running Chromium, closed at the end. Raises NoBrowserError where there is none or it can't be driven."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise NoBrowserError(f"Playwright can't be used: {error}; `make` installs it into .venv.") from None
    program = executable()
    # Chromium's own sandbox refuses to be set up by root.
    arguments = [*_QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    driver = sync_playwright()
    try:
        playwright = driver.start()
    except (OSError, Error) as error:
        raise NoBrowserError(f"Playwright's driver does not run on this machine: {error}") from None
    try:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=arguments)
        except Error as error:
            said = str(error).splitlines()[0]
            raise NoBrowserError(f"{program} does not start: {said}; another one can be named in CHROMIUM.") from None
        try:
            yield browser
        finally:
            browser.close()
    finally:
        playwright.stop()
