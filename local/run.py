"""From nothing to a running program: services, schema, web and worker, the sample, and where it all is."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import requests

from core.settings import Settings
from local import checks, procfile
from local.api import Api
from local.command import ShellCommand
from local.errors import CannotStart
from local.guard import Ledger, guarded
from local.lock import only_runner
from local.output import Output
from local.postgres import Postgres
from local.service import Service
from local.supervisor import Supervisor
from local.valkey import Valkey

ROOT = Path(__file__).resolve().parent.parent
_READY_SECONDS = 120.0
_ORDER = ("web", "worker")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run: the settings, the whole environment they came from, where the data are kept, whether to fill in."""

    settings: Settings
    environ: Mapping[str, str]
    folder: Path
    sample: bool


class Run:
    """One run of the program; `stopping` ends it at any point."""

    def __init__(self, plan: Plan, output: Output, stopping: threading.Event) -> None:
        self._plan = plan
        self._output = output
        self._stopping = stopping
        venv = Path(sys.executable).parent  # not resolved: the link is what makes it the environment's python
        self._environment = {
            **plan.environ,
            "PATH": f"{venv}{os.pathsep}{plan.environ.get('PATH', os.defpath)}",
            "HOST": plan.settings.host,
            "PORT": str(plan.settings.port),
            "PYTHONUNBUFFERED": "1",
        }

    def until_stopped(self) -> None:
        """Start everything, wait for the end, stop everything. Raises CannotStart or Stopped."""
        settings, folder = self._plan.settings, self._plan.folder
        commands = procfile.read(ROOT / "Procfile")
        with only_runner(folder / "lock"):
            checks.port_can_be_used(settings.host, settings.port)
            if settings.redis_url:
                checks.redis_answers(settings.redis_url)
            with guarded(folder / "lock") as ledger:
                supervisor = Supervisor(self._output, self._stopping, ledger)
                try:
                    if not settings.database_url:
                        self._start_service(
                            supervisor, Postgres(folder / "postgres", self._stopping, ledger), "DATABASE_URL"
                        )
                    self._release(commands["release"], ledger)
                    if not settings.redis_url:
                        self._start_service(supervisor, Valkey(folder / "valkey", self._stopping, ledger), "REDIS_URL")
                    for name in _ORDER:
                        supervisor.start(self._command(name, commands[name]))
                    self._welcome()
                    self._stopping.wait()
                finally:
                    if self._stopping.is_set() and not supervisor.failure:
                        self._output.say("Stopping…")
                    supervisor.stop()
                if supervisor.failure:
                    raise CannotStart(f"{supervisor.failure} What it said is above.")

    def _command(self, name: str, line: str) -> ShellCommand:
        return ShellCommand(name, line, self._environment, ROOT, self._output.line)

    def _start_service(self, supervisor: Supervisor, service: Service, variable: str) -> None:
        began = time.monotonic()
        self._output.say(f"Starting {service.name}…")
        supervisor.start(service)
        self._environment[variable] = service.url
        took = time.monotonic() - began
        data = service.data.relative_to(ROOT) if service.data.is_relative_to(ROOT) else service.data
        self._output.say(f"{service.name} is up after {took:.1f} s: 127.0.0.1:{service.port}, data in {data}")

    def _release(self, line: str, ledger: Ledger) -> None:
        """Bring the schema up to date. When that fails, what the command said is the reason."""
        self._output.say("Bringing the database up to date…")
        said: list[str] = []
        release = ShellCommand("release", line, self._environment, ROOT, lambda _, text: said.append(text))
        release.start()
        ledger.add(release.target, release.stop_signal)
        try:
            while release.pid is not None and not self._stopping.wait(0.02):
                pass
            code = release.wait() if not self._stopping.is_set() else 0
        finally:
            target = release.target
            release.stop()
            ledger.remove(target)
        if code != 0:
            raise CannotStart("\n".join(said) or f"The Procfile's release command failed with exit code {code}.")
        for text in said:
            self._output.line("release", text)

    def _welcome(self) -> None:
        with closing(Api(self._plan.settings, self._stopping)) as api:
            api.wait_until_ready(_READY_SECONDS)
            if self._plan.sample and not self._plan.settings.auto_ingest_on_startup:
                self._ingest_sample(api)
            key = ' -H "Authorization: Bearer $KEY"' if self._plan.settings.api_keys else ""
            self._output.say(
                f"""
  Ready: {api.url}/api/v1
  Pages       {api.url}/
  Documents   {api.url}/docs  (ReDoc: {api.url}/redoc)
  Health      {api.url}/health
  Ingest      curl -X POST{key} {api.url}/api/v1/ingest/csv
  Read        curl '{api.url}/api/v1/data?page_size=5'
  Stop        Ctrl-C
"""
            )

    def _ingest_sample(self, api: Api) -> None:
        """Once, on an empty database. A sample that fails doesn't stop the program: its job says why."""
        path = self._plan.settings.csv_path
        try:
            if not api.is_empty():
                return
            if not api.may_ingest:
                self._output.say(f"{path} is not ingested: no key in API_KEYS may do that.")
                return
            self._output.say(f"Ingesting {path}…")
            job = api.ingest_csv()
            self._output.say(f"Ingested {path}: {job['state']}")
        except (requests.RequestException, LookupError, TypeError) as error:
            self._output.say(f"{path} could not be ingested: {error}")
