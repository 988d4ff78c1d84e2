"""Every command that README, QUICKSTART and API show is run as it stands there, against the running program."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documented import ROOT, Command, commands
from tests.e2e.conftest import Start
from tests.program import Program
from tests.upstream.server import COINGECKO, Upstream
from tests.waiting import until

HOST = "127.0.0.1:8000"
# Where the documents send webhooks, and where nobody listens.
RECEIVER, NOBODY = "https://example.com/", "http://127.0.0.1:9/"
WAIT = {"Prefer": "wait=30"}
RUN = ("README.md", "docs/QUICKSTART.md", "docs/API.md")
# Beside the documents' own options: the status as the last line of stderr, and an end to streams that have none.
CURL = """#!/bin/sh
limit=60
for word in "$@"; do [ "$word" = -N ] && limit=3; done
exec {curl} --silent --show-error --max-time "$limit" --write-out '%{{stderr}}%{{http_code}}' "$@"
"""
QUOTES = """#!/bin/sh
exec {root}/quotes "$@"
"""

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the documents' commands need curl")


@pytest.fixture(scope="module")
def market() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


class Terminal:
    """A reader's: a folder, and the variables that earlier commands have set."""

    def __init__(self, folder: Path, program: Program) -> None:
        self._folder = folder
        self._host = program.url.removeprefix("http://")
        path = f"{folder / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = {**program.environment, "PATH": path}
        _write(folder / "bin" / "curl", CURL.format(curl=shutil.which("curl")))
        _write(folder / "quotes", QUOTES.format(root=ROOT))

    def type(self, command: Command) -> tuple[int | None, str, str]:
        """The status of its answer (None where curl asked nothing), what it said on stdout, and all that went wrong."""
        text = command.text.replace(HOST, self._host).replace(RECEIVER, NOBODY)
        if assignment := re.fullmatch(r"([A-Z]+)=\$\((.*)\)", text):
            name, text = assignment.groups()
            ended = self._run(text)
            self._environment[name] = ended.stdout.strip()
        else:
            ended = self._run(text)
        status = re.search(r"([0-9]{3})$", ended.stderr) if "curl" in text else None
        # 28: a stream was ended by the time limit.
        right = command.may_end_with | ({28} if "-N" in text else set())
        wrong = "" if ended.returncode in right else f"exit {ended.returncode}: {ended.stderr}"
        return int(status.group()) if status else None, ended.stdout, wrong

    def _run(self, text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S602 - the documents are our own
            text,
            shell=True,
            check=False,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
        )


@needs_curl
@pytest.mark.parametrize("name", RUN)
def test_what_a_document_shows_to_be_typed_works(
    name: str, start_program: Start, market: Upstream, tmp_path: Path
) -> None:
    market.forget()
    program = start_program(RETRY_BASE_DELAY="0.05", ALERT_ALLOW_PRIVATE="on", **market.environ)
    # As after `make run`, job 1 is the sample's; in the API's page three more have failed.
    program.post("/api/v1/ingest/csv", headers=WAIT)
    if name == "docs/API.md":
        market.behave(COINGECKO, status=404, times=3)
        for _ in range(3):
            assert program.post("/api/v1/ingest/coingecko", headers=WAIT).json()["status"] == "error"
    if name == "docs/QUICKSTART.md":
        assert len(commands(ROOT / name)) > 10
    terminal = Terminal(tmp_path, program)
    for command in commands(ROOT / name):
        if command.is_run:
            check(terminal, command)


def check(terminal: Terminal, command: Command) -> None:
    if command.status is not None:
        # A key that was just made is known everywhere within seconds.
        until(lambda: terminal.type(command)[0] == command.status, str(command), 15)
        return
    status, said, wrong = terminal.type(command)
    assert not wrong, f"{command}\n{wrong}\n{said[:2000]}"
    assert status is None or 200 <= status < 300, f"{command}\nanswered {status}: {said[:2000]}"
    if command.only_reads and missing(command, said):
        # What it shows is there when the job before it has ended, as a reader who polls finds it.
        until(lambda: not missing(command, terminal.type(command)[1]), f"{command}\nanswers with all fields shown", 30)
    else:
        assert not missing(command, said), f"{command}\nanswered without {missing(command, said)}: {said[:2000]}"


def missing(command: Command, said: str) -> list[str]:
    """The fields that the document shows and the answer doesn't have."""
    return [field for field in sorted(command.names) if f'"{field}":' not in said]


def test_commands_that_are_shown_and_not_run_are_few() -> None:
    assert [str(command) for name in RUN for command in commands(ROOT / name) if not command.is_run] == []


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
