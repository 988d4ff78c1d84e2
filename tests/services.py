"""One Postgres for a whole test run, shared by its parallel pytest processes.

Whoever needs it first starts a keeper process, which starts Postgres. Every user holds a shared lock on one file for
as long as it lives; the keeper waits to have that lock alone. The system gives a dead process' locks free, so Postgres
ends with its last user, however the test run ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from db.migrate import migrate
from local.postgres import Postgres

_START_SECONDS = 120
_TEMPLATE = "migrated"
_keepers: list[subprocess.Popen[bytes]] = []  # those that this process started


def folder_of(run: str) -> Path:
    return Path(tempfile.gettempdir()) / f"crypto-quotes-tests-{run}"


class SharedPostgres:
    """The run's Postgres, started when `join` is first called by anyone."""

    def __init__(self, run: str) -> None:
        self.folder = folder_of(run)
        self._life_sign: int | None = None

    def join(self) -> str:
        """The URL of the server's own database."""
        self.folder.mkdir(mode=0o711, exist_ok=True)  # `nobody` must be able to pass, when root runs the tests
        if self._life_sign is None:
            self._life_sign = os.open(self.folder / "users", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._life_sign, fcntl.LOCK_SH)
        url = self.folder / "url"
        with self.alone():
            if not url.exists():
                self._start_keeper(url)
        return url.read_text()

    def leave(self) -> None:
        if self._life_sign is not None:
            os.close(self._life_sign)
            self._life_sign = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """What only one of the run's processes may do at a time."""
        with (self.folder / "mutex").open("a") as mutex:
            fcntl.flock(mutex, fcntl.LOCK_EX)
            yield

    def _start_keeper(self, url: Path) -> None:
        with (self.folder / "keeper.log").open("wb") as log:
            keeper = subprocess.Popen(
                [sys.executable, "-m", "tests.services", str(self.folder)],
                cwd=Path(__file__).parent.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _keepers.append(keeper)
        deadline = time.monotonic() + _START_SECONDS
        while not url.exists():
            if keeper.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Postgres did not start: " + (self.folder / "keeper.log").read_text())
            time.sleep(0.02)

    @contextmanager
    def database(self) -> Iterator[str]:
        """A fresh, migrated database; gone afterwards, whoever is still connected."""
        server = self.join()
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as connection:
            self._make_template(connection, server)
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(_TEMPLATE))
            )
        try:
            yield _named(server, name)
        finally:
            with psycopg.connect(server, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _make_template(self, connection: psycopg.Connection, server: str) -> None:
        made = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(made, [_TEMPLATE]).fetchone():
            return
        with self.alone():
            if connection.execute(made, [_TEMPLATE]).fetchone():
                return
            connection.execute("DROP DATABASE IF EXISTS migrating")
            connection.execute("CREATE DATABASE migrating")
            migrate(_named(server, "migrating"))
            connection.execute(sql.SQL("ALTER DATABASE migrating RENAME TO {}").format(sql.Identifier(_TEMPLATE)))


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def wait_until_gone(run: str) -> None:
    """Called when the run's last user has left: nothing may be left behind when pytest returns."""
    deadline = time.monotonic() + 30
    while (folder_of(run) / "url").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    for keeper in _keepers:
        keeper.wait(30)
    shutil.rmtree(folder_of(run), ignore_errors=True)


def _keep(folder: Path) -> None:
    """Run Postgres until nobody uses it any more."""
    postgres = Postgres(folder / "postgres", durable=False)
    try:
        fresh = folder / "url.new"
        fresh.touch(mode=0o600)
        fresh.write_text(postgres.start())
        fresh.rename(folder / "url")
        with (folder / "users").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            postgres.stop()
            shutil.rmtree(postgres.folder, ignore_errors=True)
            (folder / "url").unlink()
    finally:
        postgres.stop()


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
