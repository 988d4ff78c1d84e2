"""The running program for tests: one for a whole file, or one of a test's own to be maltreated."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from db.migrate import migrate
from local.guard import Ledger
from local.postgres import Postgres
from local.valkey import Valkey
from tests.program import Program
from tests.services import SharedPostgres

Start: TypeAlias = Callable[..., Program]
_running: list[Program] = []


@pytest.fixture(scope="module")
def program(shared_postgres: SharedPostgres, service_folder: Path, service_ledger: Ledger) -> Iterator[Program]:
    """One program for all tests of a file, on a database of its own. For tests that leave it as they found it."""
    with ExitStack() as stack:
        yield _started(stack, shared_postgres, service_folder, service_ledger)


@pytest.fixture
def start_program(shared_postgres: SharedPostgres, service_folder: Path, service_ledger: Ledger) -> Iterator[Start]:
    """Start a program of this test's own: `start_program(worker_processes=2, RETRY_MAX="1")`; takes what Program takes.

    It has a fresh database, and a Valkey to kill as its attribute `valkey`; with `own_postgres=True` also a `postgres`.
    """
    with ExitStack() as stack:

        def start(**options: Any) -> Program:
            return _started(stack, shared_postgres, service_folder, service_ledger, **options)

        yield start


def _started(
    stack: ExitStack,
    shared: SharedPostgres,
    folder: Path,
    ledger: Ledger,
    *,
    own_postgres: bool = False,
    **options: Any,
) -> Program:
    own = folder / uuid.uuid4().hex[:8]
    valkey = Valkey(own / "valkey", ledger=ledger)
    stack.callback(valkey.stop)
    postgres = Postgres(own / "postgres", ledger=ledger, durable=False) if own_postgres else None
    if postgres:
        stack.callback(postgres.stop)
        migrate(postgres.start())
    database_url = postgres.url if postgres else stack.enter_context(shared.database())
    program = Program(database_url, valkey, postgres, **options)
    _running.append(program)
    stack.callback(_running.remove, program)
    return stack.enter_context(program)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the programs said that ran then."""
    report = yield
    if report.failed:
        report.sections += [(f"the program on port {program.port} said", program.last_words) for program in _running]
    return report
