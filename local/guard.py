"""The last will of a runner: what it had started is ended even if it is itself killed with -9.

A small process of its own session waits for the lock that its runner holds for life. The system gives that lock free
however the runner dies; then everything that still stands in the ledger is ended, last started first.
Run as a file (`python -I -S local/guard.py LOCK LEDGER`), so it imports nothing of ours but `processes`.
"""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from local import processes

_GRACE = 5.0


class Ledger:
    """A file with a line for each living process that we started: whom to signal (as for kill(2)) and how."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._entries: dict[int, signal.Signals] = {}
        self._lock = threading.Lock()

    def add(self, target: int, polite: signal.Signals) -> None:
        with self._lock:
            self._entries[target] = polite
            self._write()

    def remove(self, target: int) -> None:
        with self._lock:
            self._entries.pop(target, None)
            self._write()

    def _write(self) -> None:
        fresh = self.file.with_name(f"{self.file.name}.new")
        fresh.write_text("".join(f"{target} {int(polite)}\n" for target, polite in self._entries.items()))
        fresh.replace(self.file)


@contextmanager
def guarded(lock: Path) -> Iterator[Ledger]:
    """A ledger with a guard over it, for whoever holds the lock.

    What stands in it already was left by a runner that was killed, and whose guard was not as quick as we: it is ended.
    """
    ledger = Ledger(lock.with_name("processes"))
    _end_all(ledger.file)
    watch = subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", __file__, str(lock), str(ledger.file)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield ledger
    finally:
        watch.terminate()
        watch.wait()
        ledger.file.unlink(missing_ok=True)


def _end_all(ledger: Path) -> None:
    entries = [line.split() for line in ledger.read_text().splitlines()] if ledger.exists() else []
    for target, polite in reversed(entries):
        processes.end(int(target), signal.Signals(int(polite)), _GRACE)
    ledger.unlink(missing_ok=True)


def _wait_and_end(lock: Path, ledger: Path) -> None:
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        _end_all(ledger)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
    _wait_and_end(Path(sys.argv[1]), Path(sys.argv[2]))
