"""One run: the program under load and faults, then quiet, then the judgement of its whole history."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import LiteralString

import psycopg

from db.jobs import Doorbell
from local.postgres import Postgres
from tests.faults import faults, history, invariants, replay
from tests.faults.faults import KINDS, Struck
from tests.faults.history import History
from tests.faults.load import Asked, Load
from tests.faults.stage import Stage, fresh_database, staged
from tests.waiting import until
from workers.queue import Bell

LEASE = 3.0
# As in db.leases: a task that was rung for in vain is rung for again after this time.
_REDISPATCH = 6.0
# As SETTINGS say: the longest that a task waits by a rule.
_WAIT = 4.0
# A command that died is started again after at most 5 s, and takes some seconds to be there on a busy machine.
_RESTART = 15.0
# What a machine with one core to spare certainly does in a second, of tasks as they are here.
_TASKS_A_SECOND = 4
# Waits are short so that a run has many of everything; what is not here is as by default.
SETTINGS: Mapping[str, str] = {
    "LEASE": str(LEASE),
    "RETRY_BASE_DELAY": "0.3",
    "RETRY_MAX_DELAY": "2",
    "RETRY_AFTER_MAX": "3",
    "HTTP_TIMEOUT": "4",
    "BREAKER_REST": "1",
    "BREAKER_REST_MAX": "4",
}
SCHEDULE = {"INGEST_SCHEDULE": "coinpaprika=10"}


@dataclass(frozen=True)
class Plan:
    """What a run does: for so many seconds, faults of these kinds, `gap` seconds apart on average."""

    seconds: float
    seed: int
    kinds: Sequence[str] = tuple(KINDS)
    mutant: str = ""
    processes: int = 1
    clients: int = 4
    latency: float = 0.15
    slow: float = 1.5  # every fourth answer's latency
    gap: float = 2.0
    warm_up: float = 6.0
    patience: float | None = None  # seconds until jobs count as stuck; None: what _patience says


@dataclass(frozen=True)
class Strike:
    """A fault that struck, `at` seconds since 1970."""

    kind: str
    at: float
    struck: Struck


@dataclass
class Outcome:
    """What a run showed."""

    plan: Plan
    strikes: list[Strike]
    asked: list[Asked]
    history: History
    violations: dict[int, list[str]]
    patience: float
    quiet_after: float | None  # seconds from the last fault until every job had ended; None: never
    said: str = field(repr=False)


def conduct(plan: Plan, folder: Path, postgres: Postgres) -> Outcome:
    """Run the program through the plan on a database of its own on a running server, and judge it."""
    settings = {**SETTINGS, **({} if plan.mutant else SCHEDULE)}
    with staged(
        folder,
        postgres,
        mutant=plan.mutant,
        processes=plan.processes,
        mortal_postgres="Postgres killed" in plan.kinds,
        **settings,
    ) as stage:
        stage.pace.usual, stage.pace.slow = plan.latency, plan.slow
        load = Load(stage, plan.seed, clients=plan.clients)
        load.start()
        try:
            # The supervisor gives up on what never lived for five seconds.
            time.sleep(plan.warm_up)
            strikes = _strike(stage, plan)
        finally:
            load.stop()
            stage.upstream.orders.clear()
        last = time.monotonic()
        patience = _patience(stage) if plan.patience is None else plan.patience
        quiet_after = _quiet(stage, last, patience)
        stuck = _stuck(stage) if quiet_after is None else []
        if not stuck:
            _ring_for_everything(stage)
    # Schedules have gone on until now; what is judged stands still.
    postgres.start()
    with stage.connect() as connection:
        found = history.read(connection)
    violations = invariants.violations(found, load.asked, load.unanswered, scheduled=not plan.mutant)
    violations[2] = stuck
    violations[10] = list(replay.violations(stage.database_url, fresh_database(postgres, "replay"), SETTINGS))
    return Outcome(plan, strikes, load.asked, found, violations, patience, quiet_after, stage.program.said)


def _strike(stage: Stage, plan: Plan) -> list[Strike]:
    """Faults one after the other until the time is up; those that last do so beside the others."""
    random = Random(plan.seed)
    strikes: list[Strike] = []
    undoing: list[tuple[threading.Timer, Callable[[], None]]] = []
    deadline = time.monotonic() + plan.seconds
    for kind in faults.drawn(random, list(plan.kinds)):
        if time.monotonic() > deadline:
            break
        at = time.time()
        try:
            struck = KINDS[kind](stage, random, faults.Settings(LEASE))
        except (psycopg.OperationalError, OSError, AssertionError):
            # What was to be hit is away just now, by an earlier fault.
            time.sleep(0.2)
            continue
        strikes.append(Strike(kind, at, struck))
        timer = threading.Timer(struck.lasts, struck.undo)
        timer.start()
        undoing.append((timer, struck.undo))
        time.sleep(random.uniform(0.4, 1.6) * plan.gap)
    for timer, _ in undoing:
        timer.join()
    return strikes


def _patience(stage: Stage) -> float:
    """T of the second invariant: lease, a second ringing, a wait, a restart, and the backlog at this machine's pace."""
    backlog = _number(stage, "SELECT count(*) FROM tasks WHERE state IN ('queued', 'running')")
    return LEASE + _REDISPATCH + _WAIT + _RESTART + backlog / _TASKS_A_SECOND


def _number(stage: Stage, query: LiteralString) -> int:
    """A query's one number, once Postgres answers."""

    def ask() -> list[int]:
        with suppress(psycopg.OperationalError), stage.connect() as connection:
            row = connection.execute(query).fetchone()
            return [int(row[0])] if row else []
        return []

    return until(ask, "Postgres answers", 60)[0]


def _quiet(stage: Stage, since: float, patience: float) -> float | None:
    """Wait until every job has ended; how many seconds after `since`. New slots that begin meanwhile don't count."""
    newest = _number(stage, "SELECT coalesce(max(id), 0) FROM jobs")

    def ended() -> bool:
        with suppress(psycopg.OperationalError), stage.connect() as connection:
            row = connection.execute(
                "SELECT NOT EXISTS (SELECT FROM jobs WHERE finished_at IS NULL AND id <= %s)", [newest]
            ).fetchone()
            return bool(row and row[0])
        return False

    try:
        until(ended, "every job has ended", patience)
    except AssertionError:
        return None
    return time.monotonic() - since


def _stuck(stage: Stage) -> list[str]:
    with stage.connect() as connection:
        now, found = datetime.now(UTC), history.read(connection)
    return list(invariants.every_job_ends(found, now))


def _ring_for_everything(stage: Stage) -> None:
    """Every message once more, for tasks long done: whatever they set off stands in the ledger when this returns."""
    with stage.connect() as connection:
        tasks = connection.execute("SELECT id, kind, source FROM tasks").fetchall()
    bell = Bell(stage.valkey.url)
    bell.ring(Doorbell(*task) for task in tasks)
    until(lambda: all(depth.ready == 0 for depth in bell.depths().values()), "all bells are answered", 60)
