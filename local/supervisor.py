"""Keeps processes running: starts again what dies, and at the end stops everything in order.

Dramatiq's master leaves when one of its children is killed, and expects to be started again, as a platform would do.
"""

from __future__ import annotations

import signal
import threading
import time
from typing import Protocol

from local.errors import CannotStart, Stopped
from local.guard import Ledger
from local.output import Output
from local.service import Service

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
# What lived this long was up; what never did, and died so often, will not come up by trying.
SETTLED_SECONDS = 5.0
TRIES = 3


class Unit(Protocol):
    """What can be kept running: a command of the Procfile, or an embedded service."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def stop_signal(self) -> signal.Signals:
        """What asks it politely to end."""

    @property
    def target(self) -> int:
        """Whom to signal, as for kill(2)."""

    def start(self) -> object:
        """Return once it is up. Raises CannotStart, or Stopped."""

    def wait(self) -> int:
        """Block until it ends."""

    def stop(self) -> None:
        """End it and whatever it left, whether it runs or not."""


class Supervisor:
    """`stopping` ends everything: set from outside, or by a unit that never comes up; `failure` then says why."""

    def __init__(self, output: Output, stopping: threading.Event, ledger: Ledger | None = None) -> None:
        self.failure: str | None = None
        self._output = output
        self._stopping = stopping
        self._ledger = ledger
        self._units: list[Unit] = []
        self._keepers: list[threading.Thread] = []
        self._starting: dict[str, threading.Lock] = {}

    def start(self, unit: Unit) -> None:
        """Start a unit and keep it running from now on. Raises what its start raises."""
        self._units.append(unit)
        self._starting[unit.name] = threading.Lock()
        self._launch(unit)
        keeper = threading.Thread(target=self._keep, args=[unit], name=f"{unit.name} keeper", daemon=True)
        self._keepers.append(keeper)
        keeper.start()

    def stop(self) -> None:
        """Stop the commands, all at once, then the services that they use, the last one first."""
        self._stopping.set()
        services = [unit for unit in self._units if isinstance(unit, Service)]
        commands = [unit for unit in self._units if not isinstance(unit, Service)]
        enders = [threading.Thread(target=self._end, args=[unit]) for unit in commands]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
        for unit in reversed(services):
            self._end(unit)
        for keeper in self._keepers:
            keeper.join()

    def _launch(self, unit: Unit) -> None:
        # The lock: nothing may be started behind the back of stop().
        with self._starting[unit.name]:
            if self._stopping.is_set():
                raise Stopped(f"{unit.name} is not started any more.")
            unit.start()
            if self._ledger:
                self._ledger.add(unit.target, unit.stop_signal)

    def _end(self, unit: Unit) -> None:
        with self._starting[unit.name]:
            target = unit.target
            unit.stop()
            if self._ledger:
                self._ledger.remove(target)

    def _keep(self, unit: Unit) -> None:
        failures, settled = 0, False
        while True:
            began = time.monotonic()
            code = unit.wait()
            if self._stopping.is_set():
                return
            self._end(unit)
            lived = time.monotonic() - began
            settled = settled or lived >= SETTLED_SECONDS
            failures = 1 if lived >= SETTLED_SECONDS else failures + 1
            if failures >= TRIES and not settled:
                self._give_up(f"{unit.name} ended {failures} times in a row right after its start ({_how(code)}).")
                return
            if not self._start_again(unit, f"{unit.name} ended ({_how(code)})", failures):
                return

    def _start_again(self, unit: Unit, event: str, failures: int) -> bool:
        """Try until it starts; False when everything is to end instead."""
        while True:
            pause = min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE)
            self._output.say(f"{event}: starting it again in {pause:g} s.")
            if self._stopping.wait(pause):
                return False
            try:
                self._launch(unit)
            except Stopped:
                return False
            except (CannotStart, OSError) as error:
                event, failures = str(error), failures + 1
            else:
                return True

    def _give_up(self, reason: str) -> None:
        self.failure = reason
        self._stopping.set()


def _how(code: int) -> str:
    """A shell says 128 and the number for a command that a signal ended, subprocess says minus the number."""
    number = -code if code < 0 else code - 128
    return f"signal {number}" if number > 0 else f"exit code {code}"
