from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import processes, supervisor
from local.command import ShellCommand
from local.errors import CannotStart, Stopped
from local.output import Output
from local.supervisor import Supervisor
from tests.waiting import until


class Stage:
    """A supervisor whose output can be read, and commands for it."""

    def __init__(self, folder: Path) -> None:
        self.stream = io.StringIO()
        self.stopping = threading.Event()
        self.output = Output(self.stream)
        self.supervisor = Supervisor(self.output, self.stopping)
        self._folder = folder

    def command(self, line: str, name: str = "web", grace: float = 10.0) -> ShellCommand:
        return ShellCommand(name, line, {"PATH": os.environ["PATH"]}, self._folder, self.output.line, grace)

    def start(self, line: str, name: str = "web", grace: float = 10.0) -> ShellCommand:
        command = self.command(line, name, grace)
        self.supervisor.start(command)
        return command

    def said(self) -> str:
        return self.stream.getvalue()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.01)
    stage = Stage(tmp_path)
    yield stage
    stage.supervisor.stop()


def _pid(command: ShellCommand) -> int:
    assert command.pid is not None
    return command.pid


def _restarted(command: ShellCommand, old: int) -> Callable[[], bool]:
    return lambda: command.pid not in (None, old)


def test_a_command_that_is_killed_is_started_again(stage: Stage) -> None:
    command = stage.start("exec sleep 1000")
    old = _pid(command)
    os.kill(old, signal.SIGKILL)
    until(_restarted(command, old), "the command runs again")
    assert "web ended (signal 9): starting it again in 0.01 s." in stage.said()


def test_a_command_that_ends_by_itself_is_started_again(stage: Stage) -> None:
    command = stage.start("test -e first && exec sleep 1000; touch first")
    until(lambda: "ended (exit code 0)" in stage.said() and command.pid, "the second attempt runs")


def test_children_that_outlive_their_parent_are_ended_before_it_starts_again(stage: Stage) -> None:
    command = stage.start("sleep 1000 & exec sleep 1000")
    parent = _pid(command)
    child = until(lambda: set(processes.members(parent)) - {parent}, "the child runs").pop()
    os.kill(parent, signal.SIGKILL)
    until(_restarted(command, parent), "the command runs again")
    assert not processes.alive(child)


def test_a_stop_leaves_no_process_of_the_group(stage: Stage) -> None:
    command = stage.start("sleep 1000 & sleep 1000 & wait")
    group = _pid(command)
    until(lambda: len(processes.members(group)) == 3, "all three run")
    stage.supervisor.stop()
    assert processes.members(group) == []
    assert command.pid is None


def test_who_ignores_the_polite_request_is_killed_after_the_grace_time(stage: Stage) -> None:
    command = stage.start("trap '' TERM; echo deaf; while :; do sleep 0.1; done", grace=0.3)
    group = _pid(command)
    until(lambda: "deaf" in stage.said(), "the command ignores SIGTERM")
    stage.supervisor.stop()
    assert processes.members(group) == []


def test_who_tidies_up_on_the_polite_request_may_finish(stage: Stage) -> None:
    stage.start("trap 'echo tidied; exit 0' TERM; echo up; while :; do sleep 0.1; done")
    until(lambda: "up" in stage.said(), "the command is up")
    stage.supervisor.stop()
    assert "web      | tidied\n" in stage.said()


def test_the_shell_waits_for_its_command_and_starts_no_other(stage: Stage) -> None:
    command = stage.command("sh -c \"trap 'sleep 0.3; exit 0' TERM; echo up; while :; do sleep 0.1; done\"; echo next")
    command.start()
    group = _pid(command)
    until(lambda: "up" in stage.said(), "the command is up")
    os.killpg(group, signal.SIGTERM)
    command.wait()
    assert processes.members(group) == []
    command.stop()
    assert "next" not in stage.said()


def test_what_fails_again_and_again_from_the_start_ends_everything_with_a_sentence(stage: Stage) -> None:
    healthy = stage.start("exec sleep 1000", "web")
    stage.start("echo no such module; exit 3", "worker")
    until(stage.stopping.is_set, "the supervisor gives up")
    assert stage.supervisor.failure == "worker ended 3 times in a row right after its start (exit code 3)."
    assert stage.said().count("worker   | no such module\n") == 3
    stage.supervisor.stop()
    assert healthy.pid is None


def test_what_once_was_up_is_never_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "SETTLED_SECONDS", 0.0)
    command = stage.start("exec sleep 1000")
    for _ in range(supervisor.TRIES + 1):
        old = _pid(command)
        os.kill(old, signal.SIGKILL)
        until(_restarted(command, old), "the command runs again")
    assert not stage.stopping.is_set()


def test_nothing_is_started_once_everything_is_to_stop(stage: Stage) -> None:
    stage.stopping.set()
    command = stage.command("exec sleep 1000")
    with pytest.raises(Stopped):
        stage.supervisor.start(command)
    assert command.pid is None


def test_every_line_bears_the_name_of_its_speaker(stage: Stage) -> None:
    stage.start("echo one; printf 'no end of line'; exec sleep 1000", "web")
    stage.start("echo two >&2; exec sleep 1000", "worker")
    until(lambda: "web      | one\n" in stage.said() and "worker   | two\n" in stage.said(), "both were heard")
    stage.supervisor.stop()
    assert "web      | no end of line\n" in stage.said()


class Stubborn:
    """A unit that ends once, and then fails to start some times."""

    name = "database"
    stop_signal = signal.SIGTERM
    target = 0

    def __init__(self, failures: int) -> None:
        self.starts = 0
        self.up = threading.Event()
        self._failures = failures
        self._end = threading.Event()

    def start(self) -> None:
        self.starts += 1
        if 1 < self.starts <= 1 + self._failures:
            raise CannotStart("database: its port is in use")
        if self.starts > 1:
            self.up.set()

    def wait(self) -> int:
        if self.starts > 1:
            self._end.wait()
        return 1

    def stop(self) -> None:
        if self.up.is_set():
            self._end.set()


def test_a_restart_that_fails_is_tried_again(stage: Stage) -> None:
    unit = Stubborn(failures=3)
    stage.supervisor.start(unit)
    until(unit.up.is_set, "the fourth start works")
    assert stage.said().count("database: its port is in use: starting it again in") == 3
    assert unit.starts == 5
