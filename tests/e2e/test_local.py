"""`python -m local`, which is what `make run` starts, as a person at a terminal meets it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from local import ports, processes
from local.guard import Ledger
from local.postgres import Postgres
from local.postgres_binaries import Binaries
from local.run import ROOT
from tests.program import clean_environment
from tests.waiting import until

OLD_POSTGRES = Path("/usr/lib/postgresql/15/bin")


class Local:
    """One `python -m local` with a data folder of its own."""

    def __init__(self, folder: Path, *arguments: str, stdin: int = subprocess.DEVNULL, **settings: str) -> None:
        self.folder = folder
        self.port = int(settings.get("PORT") or ports.pick())
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder.with_suffix(f".{uuid.uuid4().hex[:8]}.log")
        environment = {**clean_environment(), "PORT": str(self.port), "WEB_CONCURRENCY": "1", "WORKER_PROCESSES": "1"}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local", "--folder", folder, "--env-file", folder / "no.env", *arguments],
                cwd=ROOT,
                env={**environment, **settings},
                stdin=stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def wait_until_ready(self) -> None:
        try:
            until(lambda: "Stop        Ctrl-C" in self.said or self.process.poll() is not None, "it is ready", 90)
        except AssertionError:
            raise AssertionError(self.said) from None
        assert self.process.poll() is None, self.said

    def ended(self) -> int:
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it still runs:\n{self.said}") from None

    def family(self) -> set[int]:
        """It and everyone whom it started, directly or not."""
        return {self.process.pid} | processes.descendants(self.process.pid)

    def is_live(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/livez", timeout=5).ok
        except requests.RequestException:
            return False


@pytest.fixture
def folder(service_folder: Path) -> Path:
    return service_folder / f"local {uuid.uuid4().hex[:8]}"


@pytest.fixture
def local(folder: Path) -> Iterator[Local]:
    """Running, with nothing ingested."""
    started = Local(folder, "--no-sample")
    try:
        started.wait_until_ready()
        yield started
    finally:
        started.process.terminate()
        started.ended()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_serves_says_where_and_leaves_no_process_when_told_to_stop(local: Local, number: signal.Signals) -> None:
    assert local.is_live()
    for address in ("/api/v1", "/docs", "/redoc", "/health"):
        assert f"http://127.0.0.1:{local.port}{address}" in local.said
    family = local.family()
    assert len(family) > 8  # itself, its guard, web and worker with a child each, Valkey, Postgres and its own
    local.process.send_signal(number)
    assert local.ended() == 0, local.said
    left = [processes.command_of(pid) for pid in family if processes.alive(pid)]
    assert not left
    assert "Traceback" not in local.said


def test_it_stops_when_its_terminal_is_closed_even_if_no_signal_says_so(folder: Path) -> None:
    ours, terminal = os.openpty()
    local = Local(folder, "--no-sample", stdin=terminal)
    os.close(terminal)
    try:
        local.wait_until_ready()
        os.close(ours)
        assert local.ended() == 0, local.said
    finally:
        local.process.kill()
        local.process.wait()


def test_a_second_one_in_the_same_folder_is_refused_and_the_first_goes_on(local: Local) -> None:
    second = Local(local.folder, "--no-sample")
    assert second.ended() == 1
    assert second.said.splitlines() == [
        f"This checkout is running already (process {local.process.pid}): stop that first, or use another checkout."
    ]
    assert local.is_live()


@pytest.mark.parametrize("pid_file", ["valkey/pid", "postgres/data/postmaster.pid"])
def test_a_killed_service_comes_back_by_itself_on_its_port(local: Local, pid_file: str) -> None:
    port = int((local.folder / pid_file.split("/", maxsplit=1)[0] / "port").read_text())
    victim = int((local.folder / pid_file).read_text().split()[0])
    assert victim in local.family()
    os.kill(victim, signal.SIGKILL)
    until(lambda: not processes.alive(victim), "the service is dead")
    until(lambda: not ports.is_free(port), "the service listens on the same port again")
    until(lambda: _readyz(local) == 200, "web is ready again")
    assert "(signal 9): starting it again in" in local.said


def _readyz(local: Local) -> int:
    try:
        return requests.get(f"http://127.0.0.1:{local.port}/readyz", timeout=10).status_code
    except requests.RequestException:
        return 0


def test_when_it_is_killed_itself_its_guard_ends_what_it_had_started(local: Local) -> None:
    family = local.family()
    local.process.kill()
    local.process.wait()
    until(lambda: not any(processes.alive(pid) for pid in family), "everybody ends", 60)


def test_the_sample_is_ingested_once_and_the_data_are_kept(folder: Path) -> None:
    for run in (1, 2):
        local = Local(folder)
        try:
            local.wait_until_ready()
            assert requests.get(f"http://127.0.0.1:{local.port}/api/v1/data", timeout=10).json()["total"] == 5
            assert ("Ingesting" in local.said) == (run == 1)
        finally:
            local.process.terminate()
            local.ended()


def test_a_taken_port_is_one_sentence(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        local = Local(folder, PORT=str(taken))
        assert local.ended() == 1
    assert local.said.startswith(f"Port {taken} is taken by another program: choose another one, as in `PORT=")
    assert len(local.said.splitlines()) == 1


def test_a_wrong_setting_is_one_sentence(folder: Path) -> None:
    local = Local(folder, RETRY_MAX="many")
    assert local.ended() == 2
    assert local.said == "RETRY_MAX must be a whole number from 0 to 20.\n"


def test_an_unreachable_database_is_one_sentence_without_the_password(folder: Path) -> None:
    local = Local(folder, DATABASE_URL=f"postgresql://someone:very-secret@127.0.0.1:{ports.pick()}/quotes")
    assert local.ended() == 1
    begun, sentence = local.said.splitlines()
    assert begun == "Bringing the database up to date…"
    assert "Postgres can't be reached at DATABASE_URL" in sentence
    assert "very-secret" not in sentence


def test_an_unreachable_redis_is_one_sentence_without_the_password(folder: Path) -> None:
    local = Local(folder, REDIS_URL=f"redis://:very-secret@127.0.0.1:{ports.pick()}/0")
    assert local.ended() == 1
    (sentence,) = local.said.splitlines()
    assert sentence.startswith("Redis can't be reached at REDIS_URL")
    assert "very-secret" not in sentence


@pytest.mark.skipif(not (OLD_POSTGRES / "initdb").exists(), reason="there is no old Postgres on this machine")
def test_a_postgres_that_is_too_old_is_one_sentence(folder: Path, service_ledger: Ledger) -> None:
    old = Postgres(folder / "old", ledger=service_ledger, durable=False, binaries=Binaries(OLD_POSTGRES, "15"))
    try:
        with psycopg.connect(old.start()) as connection:
            assert connection.info.server_version < 160000
        local = Local(folder / "local", DATABASE_URL=old.url)
        assert local.ended() == 1
    finally:
        old.stop()
    begun, sentence = local.said.splitlines()
    assert begun == "Bringing the database up to date…"
    assert "Postgres 15" in sentence
    assert "16 or newer" in sentence
