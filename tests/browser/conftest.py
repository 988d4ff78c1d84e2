"""A real browser on the running program: one program and one browser for a file, a fresh page for a test."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from local.guard import Ledger
from local.valkey import Valkey
from tests.browser.axe import findings
from tests.browser.chromium import NoBrowserError, chromium
from tests.browser.market import past_of
from tests.browser.troubles import Troubles
from tests.program import Program
from tests.services import SharedPostgres
from tests.upstream.markets import moving
from tests.upstream.server import Upstream

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Axe: TypeAlias = "Callable[..., list[str]]"
OpenPage: TypeAlias = "Callable[..., Page]"

_COINS = 60
_WIDE = {"width": 1280, "height": 800}
_PHONE = {"width": 360, "height": 740}
_PATIENCE = 30_000  # ms: the machine may be busy with other tests
_running: list[Program] = []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Skips where there is none. One a file: while it lives, its event loop occupies this thread."""
    with ExitStack() as stack:
        try:
            started = stack.enter_context(chromium())
        except NoBrowserError as error:
            pytest.skip(str(error))
        yield started


@pytest.fixture(scope="module")
def market() -> Iterator[Upstream]:
    """The stand-in for CoinGecko and CoinPaprika; its prices follow the clock."""
    with Upstream(moving(300, lambda: datetime.now(UTC))) as server:
        yield server


@pytest.fixture(scope="module")
def program_settings() -> dict[str, str]:
    """Further settings, as environment variables, for a file that says so by a fixture of this name."""
    return {}


@pytest.fixture(scope="module")
def admin(program_settings: dict[str, str]) -> dict[str, str]:
    """Headers for what a test asks of the API by itself: the key with the role admin, if there are keys."""
    keys = [entry.split(":", 2) for entry in program_settings.get("API_KEYS", "").split(",") if entry]
    return {"X-API-Key": next(secret for _, role, secret in keys if role == "admin")} if keys else {}


@pytest.fixture(scope="module")
def empty_program(
    browser: Browser,  # noqa: ARG001 - so that nothing is started where there is no browser
    shared_postgres: SharedPostgres,
    service_folder: Path,
    service_ledger: Ledger,
    market: Upstream,
    program_settings: dict[str, str],
) -> Iterator[Program]:
    """The program before it has ingested anything."""
    with ExitStack() as stack:
        valkey = Valkey(service_folder / f"valkey-{uuid.uuid4().hex[:8]}", ledger=service_ledger, durable=False)
        stack.callback(valkey.stop)
        database_url = stack.enter_context(shared_postgres.database())
        settings: dict[str, Any] = {"RETRY_BASE_DELAY": "0.05", **market.environ, **program_settings}
        program = Program(database_url, valkey, **settings)
        _running.append(program)
        stack.callback(_running.remove, program)
        yield stack.enter_context(program)


@pytest.fixture(scope="module")
def program(empty_program: Program, admin: dict[str, str]) -> Program:
    """The program with 60 coins out of three sources, and a week of the first twelve."""
    file = ("past.csv", past_of(12, datetime.now(UTC)).encode(), "text/csv")
    uploaded = empty_program.post("/api/v1/ingest/csv", files={"file": file}, headers=admin)
    assert empty_program.finished(uploaded.json()["id"])["state"] == "succeeded"
    query = f"coingecko_limit={_COINS}&coinpaprika_limit={_COINS}"
    accepted = empty_program.post(f"/api/v1/ingest/all?{query}", headers=admin)
    assert empty_program.finished(accepted.json()["id"])["state"] == "succeeded"
    return empty_program


@pytest.fixture
def troubles(empty_program: Program) -> Iterator[Troubles]:
    """What the pages of this test complained of; it fails at its end when there is anything that it didn't allow."""
    watched = Troubles(empty_program.url)
    yield watched
    assert not watched.found


@pytest.fixture
def open_page(browser: Browser, empty_program: Program, troubles: Troubles) -> Iterator[OpenPage]:
    """Further pages, each with cookies of its own: takes the options of Playwright's `new_context`."""
    with ExitStack() as stack:

        def opened(**options: Any) -> Page:
            wanted = {"base_url": empty_program.url, "viewport": _WIDE, "color_scheme": "light", "locale": "en-GB"}
            context = browser.new_context(**{**wanted, "timezone_id": "UTC", **options})
            stack.callback(context.close)
            context.set_default_timeout(_PATIENCE)
            page = context.new_page()
            troubles.watch(page)
            return page

        yield opened


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A light page of 1280 x 800; `page.goto("/")` opens the program's."""
    return open_page()


@pytest.fixture
def phone_page(open_page: OpenPage) -> Page:
    """A phone's, 360 x 740, with a finger instead of a mouse."""
    return open_page(viewport=_PHONE, has_touch=True, is_mobile=True, device_scale_factor=2)


@pytest.fixture
def dark_page(open_page: OpenPage) -> Page:
    return open_page(color_scheme="dark")


@pytest.fixture
def axe() -> Axe:
    """`axe(page)`: axe-core's serious and critical findings; `axe(page, rule="color-contrast")`: of that alone."""
    return findings


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the program said that ran then."""
    report = yield
    if report.failed:
        report.sections += [(f"the program on port {program.port} said", program.last_words) for program in _running]
    return report
