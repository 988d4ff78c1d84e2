"""PgBouncer in transaction mode, as our child, in front of a Postgres that runs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from local import processes, unprivileged
from local.errors import CannotStart
from local.guard import Ledger
from local.service import Service

# Fewer than the program has connections, so that its transactions do change places.
_SERVER_CONNECTIONS = 4
_SETTINGS = """[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 200
"""


def found() -> str | None:
    """Debian keeps it where only root's PATH leads."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin")


class PgBouncer(Service):
    """Leads to the server of `database_url`, for that URL's user. Its other settings are PgBouncer's own."""

    name = "PgBouncer"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, database_url: str, ledger: Ledger | None = None) -> None:
        super().__init__(folder, ledger=ledger)
        self._server = urlsplit(database_url)
        self._user = unprivileged.account()

    @property
    def url(self) -> str:
        netloc = f"{self._server.netloc.rpartition('@')[0]}@127.0.0.1:{self.port}"
        return urlunsplit(self._server._replace(netloc=netloc))

    def _locate(self) -> None:
        if found() is None:
            raise CannotStart("PgBouncer was not found")

    def _prepare(self) -> None:
        self.folder.chmod(0o755)

    def _launch(self, log: int) -> subprocess.Popen[bytes]:
        program = found()
        assert program
        users, settings = self.folder / "users", self.folder / "pgbouncer.ini"
        users.write_text(f'"{self._server.username}" "{self._server.password}"\n')
        settings.write_text(
            _SETTINGS.format(server=self._server.port, port=self.port, users=users, size=_SERVER_CONNECTIONS)
        )
        become: dict[str, Any] = {}
        if self._user:
            os.chown(users, self._user.uid, self._user.gid)
            become = self._user.popen
        users.chmod(0o600)
        return subprocess.Popen(
            [program, settings], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **become
        )

    def _ready(self, pid: int) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=5) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,) and processes.alive(pid)
        except psycopg.OperationalError:
            return False

    def _leftover(self) -> int | None:
        """Each has a folder of its own, used once."""
        return None
