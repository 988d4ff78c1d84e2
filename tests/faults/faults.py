"""Everything that is done to the running program, by name, and the order in which a seed draws it.

A fault strikes at once; what lasts (a stopped process, a full Redis) is undone by the returned `undo` after `lasts`
seconds. `hit` says whose work it concerns, for the measure of recovery: process ids, or all of a kind.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from db.jobs import Doorbell
from tests.faults.stage import WORKERS, Stage
from tests.waiting import until
from workers.queue import Bell


def _nothing() -> None:
    """What struck is over at once."""


@dataclass(frozen=True)
class Struck:
    """What was hit: `held` tasks of these worker processes, `waiting` tasks, the `web`, or a `source`'s fetches."""

    pids: tuple[int, ...] = ()
    waiting: bool = False
    web: bool = False
    source: str = ""
    lasts: float = 0.0
    undo: Callable[[], None] = field(default=_nothing)


@dataclass(frozen=True)
class Settings:
    """What faults must know of the program's settings, in seconds."""

    lease: float


Strike = Callable[[Stage, Random, Settings], Struck]


def _kill_worker_child(stage: Stage, random: Random, _: Settings) -> Struck:
    pid = random.choice(stage.worker_children())
    _signal(pid, signal.SIGKILL)
    return Struck((pid,))


def _kill_worker_master(stage: Stage, random: Random, _: Settings) -> Struck:
    name = random.choice(WORKERS)
    children = tuple(stage.program.children(name))
    _signal(stage.program.master(name), signal.SIGKILL)
    return Struck(children)


def _terminate_worker_master(stage: Stage, random: Random, _: Settings) -> Struck:
    name = random.choice(WORKERS)
    children = tuple(stage.program.children(name))
    _signal(stage.program.master(name), signal.SIGTERM)
    return Struck(children)


def _terminate_worker_group_twice(stage: Stage, random: Random, _: Settings) -> Struck:
    name = random.choice(WORKERS)
    children = tuple(stage.program.children(name))
    for _again in range(2):
        with suppress(ProcessLookupError):
            stage.program.signal_group(name, signal.SIGTERM)
    return Struck(children)


def _stop_worker_past_its_lease(stage: Stage, random: Random, settings: Settings) -> Struck:
    pid = random.choice(stage.worker_children())
    _signal(pid, signal.SIGSTOP)
    return Struck((pid,), lasts=settings.lease * 1.4, undo=lambda: _signal(pid, signal.SIGCONT))


def _stop_worker_in_mid_merge(stage: Stage, _: Random, settings: Settings) -> Struck:
    """Its locks stand in everybody's way."""
    pid = freeze_in_mid_merge(stage, 5)
    return Struck((pid,), lasts=settings.lease * 2, undo=lambda: _signal(pid, signal.SIGCONT))


_PARKED = """
    SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid)
    WHERE relation = 'data_version'::regclass AND NOT granted AND backend_xid IS NOT NULL
      AND starts_with(application_name, 'crypto-quotes worker ')
"""


def freeze_in_mid_merge(stage: Stage, seconds: float) -> int:
    """SIGSTOP a worker process in a merge that has written its quotes and not yet its golden records; its id.

    AssertionError when no merge came by in time.
    """
    with stage.connect() as connection, stage.connect() as gate, gate.transaction():
        # What each merge does between the two. Merges are too short to be met in it by looking often.
        gate.execute("LOCK TABLE data_version IN EXCLUSIVE MODE")
        row = until(lambda: connection.execute(_PARKED).fetchone(), "a worker is in mid-merge", seconds)
        pid = int(str(row and row[0]).rpartition(" ")[2])
        _signal(pid, signal.SIGSTOP)
    return pid


def _kill_web(stage: Stage, _: Random, __: Settings) -> Struck:
    _signal(stage.program.master("web"), signal.SIGKILL)
    return Struck(web=True)


def _kill_web_child(stage: Stage, random: Random, _: Settings) -> Struck:
    _signal(random.choice(stage.program.children("web")), signal.SIGKILL)
    return Struck(web=True)


def _flush_redis(stage: Stage, _: Random, __: Settings) -> Struck:
    with stage.redis() as redis:
        redis.flushall()
    return Struck(waiting=True)


def _kill_redis(stage: Stage, _: Random, __: Settings) -> Struck:
    stage.valkey.kill()
    return Struck(waiting=True)


def _kill_redis_and_its_file(stage: Stage, _: Random, __: Settings) -> Struck:
    stage.valkey.forgets = True
    stage.valkey.kill()
    return Struck(waiting=True)


def _fill_redis(stage: Stage, _: Random, settings: Settings) -> Struck:
    def limit(size: str) -> None:
        with suppress(Exception), stage.redis() as redis:  # a restart meanwhile takes the limit away as well
            redis.config_set("maxmemory", size)

    limit("1")
    return Struck(waiting=True, lasts=settings.lease, undo=lambda: limit("0"))


def _lose_redis_replies(stage: Stage, random: Random, _: Settings) -> Struck:
    """Those that bring messages, or say that one was put in."""
    if random.random() < 0.5:
        stage.redis_proxy.lose_replies(3, request=b"fetch", length=60)
    else:
        stage.redis_proxy.lose_replies(3, request=b"enqueue")
    return Struck(waiting=True, lasts=3, undo=stage.redis_proxy.forget)


def _stall_redis(stage: Stage, _: Random, __: Settings) -> Struck:
    stage.redis_proxy.stall()
    return Struck(waiting=True, lasts=1.5, undo=stage.redis_proxy.flow)


def _send_twice(stage: Stage, random: Random, _: Settings) -> Struck:
    with stage.connect() as connection:
        tasks = connection.execute("SELECT id, kind, source FROM tasks ORDER BY id DESC LIMIT 60").fetchall()
    chosen = random.sample(tasks, min(len(tasks), 30))
    Bell(stage.valkey.url).ring(Doorbell(*task) for task in chosen + chosen)
    return Struck()


def _terminate_backends(stage: Stage, random: Random, _: Settings) -> Struck:
    with stage.connect() as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
        for (pid,) in random.sample(rows, -(-len(rows) // 2)):
            connection.execute("SELECT pg_terminate_backend(%s)", [pid])
    return Struck(waiting=True)


def _lose_commit_replies(stage: Stage, _: Random, __: Settings) -> Struck:
    stage.postgres_proxy.lose_replies(4, request=b"COMMIT")
    return Struck(waiting=True, lasts=3, undo=stage.postgres_proxy.forget)


def _cut_postgres_connections(stage: Stage, _: Random, __: Settings) -> Struck:
    stage.postgres_proxy.cut()
    return Struck(waiting=True)


def _stall_postgres(stage: Stage, _: Random, settings: Settings) -> Struck:
    stage.postgres_proxy.stall()
    return Struck(waiting=True, lasts=settings.lease * 1.2, undo=stage.postgres_proxy.flow)


def _kill_postgres(stage: Stage, _: Random, __: Settings) -> Struck:
    stage.postgres.kill()
    return Struck(waiting=True)


def _upstream(kind: str, times: int, **options: object) -> Strike:
    def strike(stage: Stage, random: Random, _: Settings) -> Struck:
        source, path = random.choice((("coingecko", "/coins/markets"), ("coinpaprika", "/tickers")))
        stage.upstream.behave(path, kind, times=times, **options)
        return Struck(source=source)

    return strike


KINDS: dict[str, Strike] = {
    "kill -9 worker child": _kill_worker_child,
    "kill -9 worker master": _kill_worker_master,
    "SIGTERM worker master": _terminate_worker_master,
    "SIGTERM worker group, twice": _terminate_worker_group_twice,
    "SIGSTOP worker past its lease, SIGCONT": _stop_worker_past_its_lease,
    "SIGSTOP worker in mid-merge, SIGCONT": _stop_worker_in_mid_merge,
    "kill -9 web": _kill_web,
    "kill -9 web child": _kill_web_child,
    "FLUSHALL": _flush_redis,
    "Redis killed": _kill_redis,
    "Redis killed, its file lost": _kill_redis_and_its_file,
    "Redis out of memory": _fill_redis,
    "Redis replies lost": _lose_redis_replies,
    "Redis stalls": _stall_redis,
    "messages sent twice": _send_twice,
    "pg_terminate_backend": _terminate_backends,
    "COMMIT's replies lost": _lose_commit_replies,
    "Postgres connections cut": _cut_postgres_connections,
    "Postgres stalls past the leases": _stall_postgres,
    "Postgres killed": _kill_postgres,
    "upstream 429, Retry-After": _upstream("answer", 3, status=429, retry_after="1"),
    "upstream 429, no time named": _upstream("answer", 2, status=429),
    "upstream 404": _upstream("answer", 4, status=404),
    "upstream 500": _upstream("answer", 3, status=500),
    "upstream 503 with HTML": _upstream("html", 2, status=503),
    "upstream hangs": _upstream("hang", 2, seconds=20),
    "upstream resets": _upstream("reset", 3),
    "upstream truncates": _upstream("truncated_body", 2),
    "upstream truncates JSON": _upstream("truncated_json", 2),
}


def drawn(random: Random, kinds: list[str]) -> Iterator[str]:
    """Kinds without end, each once before any comes again, in an order that the seed decides."""
    while True:
        yield from random.sample(kinds, len(kinds))


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # something else was faster
        os.kill(pid, number)
