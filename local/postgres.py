"""Embedded Postgres, driven by its own programs: initdb once, then `postgres` itself as our child.

As root it runs as another user (see `unprivileged`). It listens on 127.0.0.1 alone, without a socket file, so that
neither the length of the path nor a second checkout is in its way.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

from local import postgres_binaries, processes, unprivileged
from local.errors import CannotStart
from local.guard import Ledger
from local.postgres_binaries import Binaries
from local.service import Service

# Every process opens a few connections; tests run several programs beside each other.
_ALWAYS = {"max_connections": "200", "timezone": "UTC", "log_timezone": "UTC", "lc_messages": "C"}
# For throw-away data: a crash of the machine may lose everything, a crash of Postgres nothing.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}
# Postgres writes this word into line 8 of postmaster.pid once it takes connections (since version 10).
_STATUS_LINE, _READY = 7, "ready"


class Postgres(Service):
    """Data under `folder`/data. `durable=False` is quicker and for tests. `binaries` is found when not given."""

    name = "Postgres"
    stop_signal = signal.SIGINT  # "fast": ends the sessions; SIGTERM would wait for them

    def __init__(
        self,
        folder: Path,
        stopping: threading.Event | None = None,
        ledger: Ledger | None = None,
        *,
        durable: bool = True,
        binaries: Binaries | None = None,
    ) -> None:
        super().__init__(folder, stopping, ledger)
        self._settings = _ALWAYS if durable else {**_ALWAYS, **_NOT_DURABLE}
        self._durable = durable
        self._binaries = binaries
        self._user = unprivileged.account()
        self._data = self.folder / "data"

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{quote(self._password())}@127.0.0.1:{self.port}/postgres"

    @property
    def data(self) -> Path:
        """Where the data are: elsewhere than in `folder` only when root runs us and `nobody` can't reach that."""
        return self._data

    def _as_user(self) -> dict[str, Any]:
        """Not our surroundings: a PGPORT or a language set by the user must not matter here."""
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        return {"env": environment, "cwd": "/", **(self._user.popen if self._user else {})}

    def _locate(self) -> None:
        if self._binaries is None:
            self._binaries = postgres_binaries.find()
        if self._user:
            self._binaries = postgres_binaries.usable_by(self._user, self._binaries)
            if not unprivileged.can_reach(self._user, self.folder):
                self._data = unprivileged.shared_folder(self._user, "postgres", self.folder) / "data"
                if not (self.folder / "password").exists():
                    shutil.rmtree(self._data, ignore_errors=True)  # its folder was thrown away, so are the data

    def _prepare(self) -> None:
        assert self._binaries is not None  # noqa: S101
        version = self._data / "PG_VERSION"
        if not version.exists():
            self._initdb(self._binaries)
        elif version.read_text().strip() != str(self._binaries.major):
            raise CannotStart(
                f"The data in {self._data} were written by Postgres {version.read_text().strip()}, and Postgres "
                f"{self._binaries.major} can't read them: set DATABASE_URL, or remove {self.folder} to begin anew."
            )
        elif not (self.folder / "password").exists():
            raise CannotStart(f"The password of the data in {self.folder} is gone: remove that folder to begin anew.")
        self._forget_the_dead()

    def _initdb(self, binaries: Binaries) -> None:
        """Make the data folder beside its place and move it there when it is whole: an interruption costs nothing."""
        fresh = self._data.with_name("data.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=fresh.parent) as secret:  # made with mode 0600
            secret.write(self._password())
            secret.flush()
            if self._user:
                os.chown(fresh, self._user.uid, self._user.gid)
                os.chown(secret.name, self._user.uid, self._user.gid)
            command = [str(binaries.folder / "initdb"), "-D", str(fresh), f"--pwfile={secret.name}"]
            command += ["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
            if binaries.major >= 17:
                # Letters of any script have upper and lower case, the same on every machine.
                command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            elif sys.platform == "linux":
                # Version 16 has no provider of its own; glibc has this one on every Linux.
                command.append("--lc-ctype=C.UTF-8")
            if not self._durable:
                command.append("--no-sync")
            made = subprocess.run(  # noqa: S603
                command, capture_output=True, text=True, check=False, start_new_session=True, **self._as_user()
            )
        if made.returncode != 0:
            reason = (made.stderr.strip() or made.stdout.strip() or "no reason given").splitlines()[-1]
            raise CannotStart(f"Postgres could not make its data folder {self._data}: {reason}")
        fresh.rename(self._data)

    def _launch(self, log: int) -> subprocess.Popen[bytes]:
        assert self._binaries is not None  # noqa: S101
        settings = [argument for name, value in self._settings.items() for argument in ("-c", f"{name}={value}")]
        return subprocess.Popen(  # noqa: S603
            [
                self._binaries.folder / "postgres",
                "-D",
                self._data,
                "-h",
                "127.0.0.1",
                "-p",
                str(self.port),
                "-k",
                "",
                *settings,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            **self._as_user(),
        )

    def _pid_file(self) -> list[str]:
        try:
            return (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _ready(self, pid: int) -> bool:
        lines = self._pid_file()
        return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].startswith(_READY)

    def _leftover(self) -> int | None:
        lines = self._pid_file()
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        ours = pid > 1 and processes.alive(pid) and str(self._data) in processes.command_of(pid)
        return pid if ours else None

    def _forget_the_dead(self) -> None:
        """Postgres won't start while the process of its pid file exists: as a zombie, or as somebody else by now."""
        if self._pid_file() and self._leftover() is None:
            (self._data / "postmaster.pid").unlink(missing_ok=True)
