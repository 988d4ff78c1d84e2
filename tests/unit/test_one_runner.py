from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local import processes
from local.errors import CannotStart
from local.guard import Ledger, guarded
from local.lock import only_runner
from tests.waiting import until


def test_a_second_runner_of_the_same_folder_is_told_of_the_first(tmp_path: Path) -> None:
    with (
        only_runner(tmp_path / "lock"),
        pytest.raises(CannotStart, match=rf"running already \(process {os.getpid()}\)"),
        only_runner(tmp_path / "lock"),
    ):
        pass


def test_the_next_runner_may_start_after_the_first_has_ended(tmp_path: Path) -> None:
    for _ in range(2):
        with only_runner(tmp_path / "lock"):
            pass


_RUNNER = """
import subprocess, sys, time
from pathlib import Path
from local import guard
from local.lock import only_runner
folder = Path(sys.argv[1])
with only_runner(folder / "lock"), guard.guarded(folder / "lock") as ledger:
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    ledger.add(-child.pid, guard.signal.SIGTERM)
    print(child.pid, flush=True)
    time.sleep(1000)
"""


def _start_and_kill_a_runner(folder: Path) -> int:
    """The process that it had started."""
    with subprocess.Popen([sys.executable, "-c", _RUNNER, folder], stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdout
        child = int(runner.stdout.readline())
        assert processes.alive(child)
        runner.kill()
        runner.wait()
    return child


def test_what_a_killed_runner_had_started_is_ended_without_anyones_help(tmp_path: Path) -> None:
    child = _start_and_kill_a_runner(tmp_path)
    until(lambda: not processes.alive(child), "the child of the killed runner ends")


def test_what_a_killed_runner_had_started_is_ended_before_the_next_starts(tmp_path: Path) -> None:
    child = _start_and_kill_a_runner(tmp_path)
    with only_runner(tmp_path / "lock"), guarded(tmp_path / "lock"):
        assert not processes.alive(child)


def test_what_was_taken_off_the_ledger_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "1000"]) as other:
        ledger = Ledger(tmp_path / "processes")
        ledger.add(other.pid, signal.SIGTERM)
        ledger.remove(other.pid)
        try:
            with only_runner(tmp_path / "lock"), guarded(tmp_path / "lock"):
                assert processes.alive(other.pid)
        finally:
            other.kill()
