"""How soon lost work goes on by the default settings, one trouble at a time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

from local import processes
from local.postgres import Postgres
from tests.faults import faults
from tests.faults.stage import MARKET_SIZE, WORKERS, Stage, staged
from tests.waiting import until

_PATIENCE = 60.0
_OUTAGE = 5.0
_WHOLE = f"coinpaprika?limit={MARKET_SIZE}"


@dataclass(frozen=True)
class Recovery:
    """What happened, and after how many seconds all that it hit was in hand again; `allowed` is the promise."""

    what: str
    seconds: float
    allowed: float


def measured(folder: Path, postgres: Postgres) -> list[Recovery]:
    """Run the program by its defaults, and measure each promise in turn."""
    with staged(folder, postgres) as stage:
        time.sleep(6)  # the supervisor gives up on what never lived for five seconds
        return [
            Recovery("SIGTERM to a worker and its group, twice", _held_by_a_worker(stage, _terminate), 5),
            Recovery("FLUSHALL with work in the queue", _flushed(stage), 10),
            Recovery(f"Redis away for {_OUTAGE:.0f} s, then back", _redis_away(stage), 10),
            Recovery("SIGSTOP of a worker in mid-merge: others' merges", _behind_a_frozen_one(stage), 30),
            Recovery("kill -9 of a worker in mid-fetch", _held_by_a_worker(stage, _kill), 20),
        ]


def _held_by_a_worker(stage: Stage, harm: Callable[[Stage, int], None]) -> float:
    """A fetch hangs in a worker, which is then harmed: seconds until another claims the task."""
    stage.upstream.behave("/coins/markets", "hang", times=1, seconds=60)
    job = _post(stage, "coingecko?limit=20")
    worker = until(lambda: _holder(stage, job), "a worker holds the task") or 0
    begun = time.monotonic()
    harm(stage, worker)
    until(lambda: (_holder(stage, job) or worker) != worker or _ended(stage, [job]), "another one took it", _PATIENCE)
    seconds = time.monotonic() - begun
    stage.program.finished(job)
    stage.program.wait_until_ready()
    return seconds


def _terminate(stage: Stage, worker: int) -> None:
    for _ in range(2):
        stage.program.signal_group(_group_of(stage, worker), signal.SIGTERM)


def _kill(_: Stage, worker: int) -> None:
    os.kill(worker, signal.SIGKILL)


def _flushed(stage: Stage) -> float:
    children = stage.worker_children()
    _signal(children, signal.SIGSTOP)
    jobs = [_post(stage, "csv") for _ in range(10)]
    with stage.redis() as redis:
        redis.flushall()
    _signal(children, signal.SIGCONT)
    return _seconds_until(lambda: _begun(stage, jobs), "all jobs have begun")


def _redis_away(stage: Stage) -> float:
    """Nothing is restarted meanwhile: the same processes go on."""
    children = stage.worker_children()
    stage.redis_proxy.stall()
    jobs = [_post(stage, "csv") for _ in range(10)]
    time.sleep(_OUTAGE)
    stage.redis_proxy.flow()
    seconds = _seconds_until(lambda: _begun(stage, jobs), "all jobs have begun")
    assert all(processes.alive(child) for child in children), "a worker process did not outlive the outage"
    return seconds


def _behind_a_frozen_one(stage: Stage) -> float:
    """A worker is frozen while its merge holds all quotes of a source: seconds until another such merge is done."""
    first = [_post(stage, _WHOLE) for _ in range(4)]
    worker = faults.freeze_in_mid_merge(stage, 20)
    try:
        job = _post(stage, _WHOLE)
        return _seconds_until(lambda: _ended(stage, [job]), "another merge is done")
    finally:
        os.kill(worker, signal.SIGCONT)
        until(lambda: _ended(stage, first), "the frozen worker's jobs have ended", _PATIENCE)


def _seconds_until(condition: Callable[[], bool], what: str) -> float:
    begun = time.monotonic()
    until(condition, what, _PATIENCE)
    return time.monotonic() - begun


def _post(stage: Stage, what: str) -> int:
    answer = stage.program.post(f"/api/v1/ingest/{what}")
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


def _holder(stage: Stage, job: int) -> int | None:
    """The process that works on the job's fetch now."""
    with stage.connect() as connection:
        row = connection.execute(
            "SELECT worker FROM tasks WHERE job_id = %s AND kind = 'fetch' AND state = 'running'", [job]
        ).fetchone()
    return int(str(row[0]).rpartition(":")[2]) if row else None


def _begun(stage: Stage, jobs: list[int]) -> bool:
    return _all(stage, "SELECT bool_and(started_at IS NOT NULL) FROM jobs WHERE id = ANY(%s)", jobs)


def _ended(stage: Stage, jobs: list[int]) -> bool:
    return _all(stage, "SELECT bool_and(finished_at IS NOT NULL) FROM jobs WHERE id = ANY(%s)", jobs)


def _all(stage: Stage, query: LiteralString, jobs: list[int]) -> bool:
    with stage.connect() as connection:
        row = connection.execute(query, [jobs]).fetchone()
    return bool(row and row[0])


def _group_of(stage: Stage, worker: int) -> str:
    return next(name for name in WORKERS if worker in stage.program.children(name))


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)
