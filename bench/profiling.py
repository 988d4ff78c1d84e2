"""Where the time goes, in one process and one thread, by the program's own functions.

`python -m bench.profiling WHAT …`, with DATABASE_URL. `ingest FILE.csv`: upload, fetch and normalize, each statement by
its name; what is no statement is Python's. `reads PATH…`: requests through the whole application, nothing kept. Figures
are seconds.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench.contender import contend
from bench.contenders import Bad
from core.models import JsonObject, Parsed
from core.registry import load_registry
from core.settings import Settings
from core.sources import SOURCES
from core.sources.source import Ask, Source
from db import jobs, quotes, tasks
from db.jobs import TaskOrder
from db.pool import Database
from db.queries import statements
from db.quotes import Rules
from db.uploads import open_upload, store_upload
from workers.work import PAGES_AT_ONCE, read_pages

REQUESTS = 200
_PIECE = 1 << 20
_WORKER, _LEASE = "bench", 3600.0


class Stopwatch:
    """Seconds by stage and by what was done in it; statements by their names."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._stage = ""
        self._names = {_begin(text): name for name, text in statements().items()}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        before, self._stage = self._stage, name
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[f"{name}: all"] += time.perf_counter() - begun
            self._stage = before

    @contextmanager
    def count(self, statement: object) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            if self._stage:
                self.seconds[f"{self._stage}: {self._name(statement)}"] += time.perf_counter() - begun

    def _name(self, statement: object) -> str:
        text = statement if isinstance(statement, str) else getattr(statement, "as_string", lambda _: "?")(None)
        return self._names.get(_begin(text), _begin(text)[:40])


def _begin(text: str) -> str:
    """Enough of a statement to know it by; what is composed differs only later."""
    return " ".join(text.split())[:60]


def watch_psycopg(watch: Stopwatch) -> None:
    """Have every statement, COPY and commit of this process counted."""
    execute, copy, leave = psycopg.Cursor.execute, psycopg.Cursor.copy, psycopg.Transaction.__exit__

    def timed_execute(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        with watch.count(query):
            return execute(self, query, *arguments, **options)

    @contextmanager
    def timed_copy(self: Any, statement: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
        with watch.count("COPY, its text made and sent"), copy(self, statement, *arguments, **options) as opened:
            yield opened

    def timed_leave(self: Any, *arguments: Any) -> Any:
        with watch.count("COMMIT"):
            return leave(self, *arguments)

    for owner, name, replacement in (
        (psycopg.Cursor, "execute", timed_execute),
        (psycopg.Cursor, "copy", timed_copy),
        (psycopg.Transaction, "__exit__", timed_leave),
    ):
        setattr(owner, name, replacement)


def watch_parsing(watch: Stopwatch, source: Source) -> None:
    parse = type(source).parse

    def timed_parse(self: Any, body: bytes, meta: JsonObject) -> Parsed:
        with watch.count("parsing"):
            return parse(self, body, meta)

    setattr(type(source), "parse", timed_parse)  # noqa: B010


def ingest(url: str, file: Path) -> Callable[[], dict[str, float]]:
    database = Database(url, size=4)
    settings = Settings.from_env({})
    rules = Rules.of(settings, load_registry())
    watch = Stopwatch()
    watch_psycopg(watch)
    csv = SOURCES["csv"]
    watch_parsing(watch, csv)

    def claim(task: int) -> tasks.Claim:
        claimed = tasks.claim(database, task, worker=_WORKER, lease=_LEASE)
        if claimed is None:
            raise Bad(f"task {task} can't be claimed")
        return claimed

    def work() -> dict[str, float]:
        with watch.stage("upload"), database.transaction() as connection, file.open("rb") as opened:
            upload = store_upload(connection, file.name, iter(lambda: opened.read(_PIECE), b""))
            order = TaskOrder("csv", {"upload": upload, "columns": {}})
            made = jobs.submit(connection, kind="csv", orders=[order], max_attempts=4, requested_by=_WORKER)
        bells = []
        with watch.stage("fetch"):
            fetching = claim(made.doorbells[0].task_id)
            for page in csv.pages(Ask(settings, open_file=lambda: open_upload(database, upload)), fetching.cursor):
                with tasks.holding(database, fetching) as connection:
                    bells += tasks.store_pages(connection, fetching, [page], lease=_LEASE)
        # As workers take them that the fetch is ahead of: the newest first, several at once.
        while bells:
            with watch.stage("normalize"):
                claims = tasks.claim_pages(database, bells[0].task_id, worker=_WORKER, lease=_LEASE, most=PAGES_AT_ONCE)
                outcomes: list[tasks.Outcome] = []
                with tasks.holding(database, *claims) as connection:
                    coins = quotes.store_pages(connection, "csv", read_pages(connection, claims, outcomes), rules)
                    tasks.succeed_all(connection, claims, outcomes, coins)
            del bells[len(bells) - len(claims) :]
        database.close()
        return dict(watch.seconds)

    return work


def reads(url: str, paths: list[str]) -> Callable[[], dict[str, float]]:
    from web.app import create_app

    settings = Settings.from_env(
        {"DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1", "ANSWER_CACHE_BYTES": "0", "LOG_LEVEL": "warning"}
    )
    watch = Stopwatch()
    watch_psycopg(watch)
    client = create_app(settings).test_client()

    def ask(path: str) -> None:
        for _ in range(REQUESTS):
            answer = client.get(path)
            if answer.status_code != 200:
                raise Bad(f"GET {path} was answered {answer.status_code}")

    def work() -> dict[str, float]:
        for path in paths:
            ask(path)
            with watch.stage(path):
                ask(path)
        profile = cProfile.Profile()
        profile.enable()
        for path in paths:
            ask(path)
        profile.disable()
        watch.seconds.update({f"Python: {room}": took for room, took in _by_room(profile).items()})
        return {name: took / REQUESTS for name, took in watch.seconds.items()}

    return work


def _by_room(profile: cProfile.Profile) -> dict[str, float]:
    """Own time of functions, by the library or the room of ours that they belong to."""
    rooms: defaultdict[str, float] = defaultdict(float)
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        parts = Path(file).parts
        if "psycopg" in file + name and "wait" in file + name:
            rooms["waiting for Postgres"] += own
        elif "site-packages" in parts:
            rooms[parts[parts.index("site-packages") + 1].removesuffix(".py")] += own
        elif file.startswith(os.getcwd()):  # noqa: PTH109  the root of the project
            rooms[f"{Path(file).relative_to(Path.cwd()).parts[0]}/"] += own
        else:
            rooms["Python's own"] += own
    return rooms


def main(what: str, arguments: list[str]) -> None:
    url = os.environ["DATABASE_URL"]
    contend(ingest(url, Path(arguments[0])) if what == "ingest" else reads(url, arguments))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
