"""The real program for end-to-end tests: web and worker by the Procfile's own lines, supervised as by `make run`."""

from __future__ import annotations

import io
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import psycopg
import requests

from core.settings import Settings
from local import ports, processes, procfile
from local.command import ShellCommand
from local.guard import guarded
from local.lock import only_runner
from local.output import Output
from local.postgres import Postgres
from local.run import ROOT
from local.supervisor import Supervisor
from local.valkey import Valkey
from tests.waiting import until

T = TypeVar("T")
_ENDED = ("succeeded", "partial_success", "failed", "cancelled")
# Whatever else the developer has set, in the shell or in .env, stays outside; an empty setting is an unset one.
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL")
_UNSET = {setting.name.upper(): "" for setting in fields(Settings)}
_SHOWN_LINES = 300


def clean_environment() -> dict[str, str]:
    """For a program that is to see no settings but those that the test adds."""
    return {**{name: os.environ[name] for name in _KEPT if name in os.environ}, **_UNSET}


class Program:
    """Web and worker on a migrated database and a Valkey of their own, from `with` to the end of its block.

    `settings` are environment variables. What dies is started again, as on a platform: web, worker, and the services
    that are given. The program's processes can be found and killed by part; `request` calls the API. `commands` are
    further workers by name, or other lines in place of the Procfile's.
    """

    def __init__(
        self,
        database_url: str,
        valkey: Valkey,
        postgres: Postgres | None = None,
        *,
        web_processes: int = 1,
        worker_processes: int = 1,
        commands: Mapping[str, str] | None = None,
        **settings: str,
    ) -> None:
        self.valkey = valkey
        self.postgres = postgres
        self.database_url = database_url
        self.port = ports.pick()
        self.url = f"http://127.0.0.1:{self.port}"
        self.worker_processes = worker_processes
        self._environment = {
            **clean_environment(),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": database_url,
            "REDIS_URL": valkey.start(),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WEB_CONCURRENCY": str(web_processes),
            "WORKER_PROCESSES": str(worker_processes),
            **settings,
        }
        self._said = io.StringIO()
        self._stopping = threading.Event()
        self._running = ExitStack()
        self._session = requests.Session()
        self._session.trust_env = False
        self._lines = commands or {}
        self._commands: dict[str, ShellCommand] = {}

    def __enter__(self) -> Program:
        with ExitStack() as undo:
            folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="crypto-quotes-program-")))
            undo.enter_context(only_runner(folder / "lock"))
            ledger = undo.enter_context(guarded(folder / "lock"))
            undo.enter_context(self._session)
            output = Output(self._said)
            supervisor = Supervisor(output, self._stopping, ledger)
            undo.callback(supervisor.stop)
            for service in (self.valkey, self.postgres):
                if service:
                    supervisor.start(service)
            lines = {**procfile.read(ROOT / "Procfile"), **self._lines}
            for name in dict.fromkeys(("web", "worker", *self._lines)):
                self._commands[name] = ShellCommand(name, lines[name], self._environment, ROOT, output.line)
                supervisor.start(self._commands[name])
            self.wait_until_ready()
            self._running = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.close()

    @property
    def environment(self) -> Mapping[str, str]:
        """What web and worker see, for commands that are to run beside them."""
        return self._environment

    # What it says and answers.

    @property
    def said(self) -> str:
        """Everything that web and worker have written so far, a line each with the speaker's name."""
        return self._said.getvalue()

    @property
    def last_words(self) -> str:
        """As much of it as a person would read."""
        return "\n".join(self.said.splitlines()[-_SHOWN_LINES:])

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the API, as `requests.request` does; `path` begins with a slash."""
        return self._session.request(method, self.url + path, **{"timeout": 60, **options})

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> requests.Response:
        return self.request("POST", path, **options)

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Until web takes requests and every worker process takes tasks."""
        self._until(self._web_is_ready, "web is ready", seconds)
        self._until(self._workers_are_ready, "workers are ready", seconds)

    def job(self, job_id: object) -> dict[str, Any]:
        """A job as the API shows it now; None of its errors is an exception."""
        answer = self.get(f"/api/v1/jobs/{job_id}")
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def finished(self, job_id: object, seconds: float = 60) -> dict[str, Any]:
        """The job once it has ended, whatever web and workers go through meanwhile."""

        def ended() -> dict[str, Any] | None:
            try:
                job = self.job(job_id)
            except requests.RequestException:
                return None
            return job if job["state"] in _ENDED else None

        return self._until(ended, f"job {job_id} ends", seconds)

    def _web_is_ready(self) -> bool:
        try:
            return self.get("/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def _workers_are_ready(self) -> bool:
        try:
            with psycopg.connect(self.database_url) as connection:
                rows = connection.execute("SELECT id FROM workers").fetchall()
        except psycopg.OperationalError:
            return False
        known = {int(str(row[0]).rpartition(":")[2]) for row in rows}
        masters = [command for name, command in self._commands.items() if name != "web"]
        alive = {pid for master in masters for pid in processes.members(-master.target)}
        return len(alive & known) >= self.worker_processes * len(masters)

    def _until(self, condition: Callable[[], T | None], what: str, seconds: float) -> T:
        def look() -> T | None:
            if self._stopping.is_set():
                raise AssertionError(f"the program gave up before {what}:\n{self.last_words}")
            return condition()

        try:
            found = until(look, what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.last_words}") from None
        assert found is not None
        return found

    # Its processes.

    def master(self, name: str) -> int:
        """The first process of `web` (gunicorn's arbiter) or `worker` (dramatiq's master), once there is one."""

        def found() -> int | None:
            group = -self._commands[name].target
            # Where /bin/sh stays around its command instead of becoming it, the command is the next one.
            return next((pid for pid in sorted(processes.members(group)) if not _is_shell(pid)), None)

        return self._until(found, f"{name} runs", 30)

    def children(self, name: str) -> list[int]:
        """The processes that do the work for the first one, once there are any."""

        def found() -> list[int]:
            master = self.master(name)
            group = processes.members(-self._commands[name].target)
            return [pid for pid in sorted(group) if pid != master and not _is_shell(pid)]

        return self._until(found, f"{name} has children", 30)

    def kill_worker_child(self, number: int = 0) -> int:
        """Kill -9 one of the worker processes (in the order of their ids); its id."""
        return _kill(self.children("worker")[number])

    def kill_worker_master(self) -> int:
        return _kill(self.master("worker"))

    def kill_web(self) -> int:
        """Kill -9 gunicorn's arbiter."""
        return _kill(self.master("web"))

    def kill_web_child(self) -> int:
        """Kill -9 a process that serves requests; gunicorn replaces it."""
        return _kill(self.children("web")[0])

    def signal_group(self, name: str, number: signal.Signals) -> None:
        """Send a signal to everyone of `web` or `worker`, as platforms do."""
        os.killpg(-self._commands[name].target, number)


def _is_shell(pid: int) -> bool:
    return processes.command_of(pid).startswith("/bin/sh -c")


def _kill(pid: int) -> int:
    os.kill(pid, signal.SIGKILL)
    return pid
