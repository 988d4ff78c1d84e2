"""What every contender stands on: one embedded Postgres, durable as it comes, and a fresh migrated database each."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType, TracebackType
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from bench.contenders import Bad, environment
from bench.figures import seconds as shown_seconds
from core.sample import lines
from db.migrate import migrate
from local.command import ShellCommand
from local.guard import Ledger, guarded
from local.lock import only_runner
from local.output import Output
from local.postgres import Postgres
from local.run import ROOT
from local.supervisor import Supervisor
from local.valkey import Valkey
from tests.program import Program

# No limit that an upstream would set, large files, and answers to the end of what the machine can do.
_SETTINGS = {
    "MAX_UPLOAD_BYTES": str(4 * 2**30),
    "COINGECKO_RATE_PER_MINUTE": "100000",
    "LOG_LEVEL": "warning",
}


def say(text: str) -> None:
    """What is going on, for whoever waits; the figures go to standard output."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def tell(name: str, value: float) -> None:
    say(f"  {name}: {shown_seconds(value)}")


class Ground:
    """From `with` to the end of its block; everything is in one temporary folder, and ended even if we are killed."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._made = 0
        self._ledger = Ledger(Path(os.devnull))
        self.folder = Path()
        self.server = ""

    def __enter__(self) -> Ground:
        with ExitStack() as undo:
            self.folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="crypto-quotes-bench-")))
            self.folder.chmod(0o711)  # `nobody` must be able to pass, when root runs this
            undo.enter_context(only_runner(self.folder / "lock"))
            ledger = self._ledger = undo.enter_context(guarded(self.folder / "lock"))
            supervisor = Supervisor(Output(io.StringIO()), threading.Event(), ledger)
            undo.callback(supervisor.stop)
            postgres = Postgres(self.folder / "postgres")
            supervisor.start(postgres)
            self.server = postgres.url
            self._running = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.close()

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh migrated database. It is dropped afterwards, and what it left to write is written."""
        self._made += 1
        name = f"bench_{self._made}"
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = urlunsplit(urlsplit(self.server)._replace(path=f"/{name}"))
        try:
            migrate(url)
            self.settle()
            yield url
        finally:
            with psycopg.connect(self.server, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            self.settle()

    def settle(self) -> None:
        """Have Postgres write what is due now: nobody pays for whoever came before."""
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        os.sync()

    @contextmanager
    def program(
        self,
        database_url: str,
        settings: Mapping[str, str] = MappingProxyType({}),
        *,
        web_processes: int = 1,
        worker_processes: int = 2,
    ) -> Iterator[Program]:
        """The program on that database and a Valkey of its own: web and worker by the Procfile's lines."""
        with (
            tempfile.TemporaryDirectory(prefix="valkey-", dir=self.folder) as folder,
            Program(
                database_url,
                Valkey(Path(folder)),
                postgres=None,
                commands=None,
                web_processes=web_processes,
                worker_processes=worker_processes,
                **{**_SETTINGS, **settings},
            ) as running,
        ):
            yield running

    @contextmanager
    def served(self, line: str, environ: Mapping[str, str], *, answers: str = "") -> Iterator[None]:
        """A command, up when the URL `answers` does (or at once), ended with the block. Raises Bad."""
        said: list[str] = []
        command = ShellCommand("peer", line, environment(environ), ROOT, lambda _, text: said.append(text))
        command.start()
        self._ledger.add(command.target, command.stop_signal)
        try:
            deadline = time.monotonic() + 60
            while answers and not _answers(answers):
                if command.pid is None or time.monotonic() > deadline:
                    raise Bad("a peer's server did not come up:\n" + "\n".join(said[-30:]))
                time.sleep(0.05)
            yield
        finally:
            target = command.target
            command.stop()
            self._ledger.remove(target)

    def sample(self, coins: int, times: int = 1) -> Path:
        """A CSV file of `coins` x `times` rows, made once."""
        file = self.folder / f"sample-{coins}-{times}.csv"
        if not file.exists():
            with file.open("w", encoding="utf-8", newline="\n") as out:
                out.writelines(lines(coins, times, seed=1))
        return file


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  loopback
            return int(answer.status) == 200
    except OSError:
        return False
