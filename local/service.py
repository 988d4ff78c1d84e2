"""A server that we run ourselves: its folder, its port, its life from start to stop."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path

from local import ports, processes
from local.errors import CannotStart, Stopped
from local.guard import Ledger

# What a start may take: after a crash the whole log may have to be read again.
_READY_SECONDS = 120.0
# After a kill -9 something of the old server may linger: its port, its memory, its clients' backends.
_LINGER_SECONDS = 30.0
_STOP_SECONDS = 15.0
_LOG_BYTES = 10_000_000
_LINGERING = ("shared memory block", "lock file", "in use", "tcp/ip sockets", "failed listening")


class Service(ABC):
    """One server with its data under `folder`, listening on 127.0.0.1 with a password of its own.

    The port is chosen at the first start and stays, over restarts too as long as nobody else took it.
    `stopping` ends a start that is still waiting, with Stopped. In `ledger` the running process is written down.
    """

    name: str
    stop_signal: signal.Signals

    def __init__(self, folder: Path, stopping: threading.Event | None = None, ledger: Ledger | None = None) -> None:
        self.folder = folder.resolve()
        self.port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = stopping or threading.Event()
        self._ledger = ledger
        self._busy = threading.Lock()
        self._known = False

    # What each server does in its own way.

    @property
    @abstractmethod
    def url(self) -> str:
        """How clients reach it, password included: never print it."""

    @abstractmethod
    def _locate(self) -> None:
        """Find the server's programs and data. Raises CannotStart when there are none to run."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make the data folder if there is none. Raises CannotStart."""

    @abstractmethod
    def _launch(self, log: int) -> subprocess.Popen[bytes]:
        """Start the process, its output going to the file descriptor `log`."""

    @abstractmethod
    def _ready(self, pid: int) -> bool:
        """Whether this very process serves clients."""

    @abstractmethod
    def _leftover(self) -> int | None:
        """The id of a live server on our data that an earlier runner left behind."""

    # What is the same for all.

    @property
    def pid(self) -> int | None:
        """The server's process, None when it isn't running."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def target(self) -> int:
        """Whom a signal goes to: the server alone, which ends its children by itself."""
        return self._process.pid if self._process else 0

    @property
    def data(self) -> Path:
        """Where its data are."""
        return self.folder

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self) -> str:
        """Start, wait until clients are served and return the URL; at once when it runs already.

        Raises CannotStart when the server ends instead, Stopped when `stopping` is set meanwhile.
        """
        with self._busy:
            if self.pid is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._locate()
                self._end_leftover()
                self._prepare()
                self._settle_port()
                self._launch_until_ready()
                self._known = True
            return self.url

    def url_of_last_run(self) -> str | None:
        """How to reach the server that another process runs on this folder; None when there never was one."""
        port = self.folder / "port"
        saved = port.read_text() if port.exists() and (self.folder / "password").exists() else ""
        if not saved.isdigit():
            return None
        self.port = int(saved)
        return self.url

    def wait(self) -> int:
        """Block until the server ends; its exit code."""
        return self._process.wait() if self._process else 0

    def stop(self) -> None:
        """End it in order, after some seconds by force; nothing happens when it isn't running."""
        with self._busy:
            if self._process and self._process.poll() is None:
                self._process.send_signal(self.stop_signal)
                try:
                    self._process.wait(_STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
            self._forget()

    def kill(self) -> None:
        """SIGKILL, for tests of what happens then."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._forget()

    def _forget(self) -> None:
        if self._ledger:
            self._ledger.remove(self.target)

    def _password(self) -> str:
        """Made once, readable by the owner alone."""
        file = self.folder / "password"
        if not file.exists():
            fresh = file.with_name("password.new")
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                out.write(secrets.token_urlsafe(24))
            fresh.rename(file)
        return file.read_text()

    def _end_leftover(self) -> None:
        if pid := self._leftover():
            processes.end(pid, self.stop_signal, _STOP_SECONDS)

    def _settle_port(self) -> None:
        """Take the port of last time, or another if that one is taken; once clients know it, only ever that one."""
        if self._known:
            return
        file = self.folder / "port"
        saved = file.read_text() if file.exists() else ""
        self.port = int(saved) if saved.isdigit() and ports.is_free(int(saved)) else ports.pick()
        file.write_text(str(self.port))

    def _launch_until_ready(self) -> None:
        deadline = time.monotonic() + _LINGER_SECONDS
        pause = 0.1
        while (complaint := self._try()) is not None:
            if not any(word in complaint.lower() for word in _LINGERING) or time.monotonic() > deadline:
                raise CannotStart(f"{self.name} did not start: {complaint or 'it ended at once'} (its log: {self.log})")
            self._pause(pause)
            pause = min(2 * pause, 2.0)
            self._settle_port()

    def _try(self) -> str | None:
        """One attempt: None when the server is ready, else the last words of its log."""
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.write_bytes(b"")
        with self.log.open("ab") as log:
            begin = log.tell()
            self._process = self._launch(log.fileno())
        if self._ledger:
            self._ledger.add(self.target, self.stop_signal)
        deadline = time.monotonic() + _READY_SECONDS
        while self._process.poll() is None:
            if self._ready(self._process.pid):
                return None
            if time.monotonic() > deadline:
                self.kill()
                return f"it was not ready within {_READY_SECONDS:.0f} s"
            self._pause(0.02)
        return self._last_words(begin)

    def _last_words(self, begin: int) -> str:
        with self.log.open("rb") as log:
            log.seek(begin)
            lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        fatal = [line for line in lines if "FATAL" in line or "atal error" in line]
        return (fatal or lines or [""])[-1].strip()

    def _pause(self, seconds: float) -> None:
        """Wait, unless we are to stop. The process, if there is one, is left to stop()."""
        if self._stopping.wait(seconds):
            raise Stopped(f"{self.name} was told to stop while it was starting.")
