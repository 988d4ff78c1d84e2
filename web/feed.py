"""What a process' event streams are told: one thread asks Postgres for all of them, and sleeps while nobody listens."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import Unavailable
from db import events
from db.events import JobState, Moment, SystemState
from db.pool import Connection, Database
from web.streams import Stream
from workers.news import Ear
from workers.queue import QUEUES

logger = logging.getLogger(__name__)

# Nobody need ring for what is seen this soon anyway.
_LOOK_SECONDS = 2.0
# What comes close together is looked at once.
_APART_SECONDS = 0.2
_HEARTBEAT_SECONDS = 15.0
_HEARTBEAT = b": still here\n\n"


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream."""

    kind: str
    data: Mapping[str, Any]


class Feed:
    """Tells every stream that joins what happens, each from where its reader stopped."""

    def __init__(self, database: Database, redis_url: str) -> None:
        self._database = database
        self._rung = threading.Event()
        self._stopped = threading.Event()
        self._ear = Ear(redis_url, lambda _queues: self._rung.set())
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._newcomers: deque[tuple[Stream, str | None]] = deque()
        self._members: list[Stream] = []
        self._known: Moment | None = None
        self._system: Event | None = None
        self._system_due = 0.0
        self._spoke = 0.0

    def join(self, stream: Stream, cursor: str | None) -> None:
        """Tell this stream what was missed since the cursor that its reader had last, then what happens."""
        self._newcomers.append((stream, cursor))
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="events", daemon=True)
                self._thread.start()
        self._rung.set()

    def stop(self) -> None:
        """Tell no more. A signal's handler may call it."""
        self._stopped.set()
        self._rung.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._forget_who_left()
            if not self._members and not self._newcomers:
                self._rest()
            self._rung.wait(_LOOK_SECONDS)
            self._rung.clear()
            if self._stopped.is_set():
                break
            self._ear.open()
            try:
                self._look()
            except Unavailable as error:
                logger.debug("events: %s", error)
            except Exception:
                logger.exception("events: unforeseen")
            self._keep_alive()
            self._stopped.wait(_APART_SECONDS)
        self._ear.close()

    def _forget_who_left(self) -> None:
        self._members = [stream for stream in self._members if not stream.over]
        # While Postgres is away nobody is greeted, however many come and go.
        for _ in range(len(self._newcomers)):
            newcomer = self._newcomers.popleft()
            if not newcomer[0].over:
                self._newcomers.append(newcomer)

    def _rest(self) -> None:
        """Nobody listens: ask nothing until somebody does."""
        self._ear.close()
        self._known = self._system = None
        while not self._newcomers and not self._stopped.is_set():
            self._rung.clear()
            if not self._newcomers and not self._stopped.is_set():
                self._rung.wait()

    def _look(self) -> None:
        with self._database.connection() as connection:
            moment = events.now(connection)
            news = self._happened(connection, self._known, moment) if self._known else []
            news += self._system_if_changed(connection)
            self._known = moment
            if news:
                self._tell(self._members, _written(news, moment))
            while self._newcomers:
                stream, cursor = self._newcomers[0]
                stream.put(_written(self._greeting(connection, cursor, moment), moment))
                # Only now: when Postgres went away in between, it is still to be greeted.
                self._newcomers.popleft()
                self._members.append(stream)

    def _happened(self, connection: Connection, before: Moment, moment: Moment) -> list[Event]:
        changed = [_data(moment)] if moment.version != before.version else []
        jobs = events.jobs_since(connection, before)
        return [*changed, _reset()] if jobs is None else [*changed, *_jobs(jobs)]

    def _greeting(self, connection: Connection, cursor: str | None, moment: Moment) -> list[Event]:
        current = [self._system] if self._system else []
        if cursor is None:
            return [_data(moment), *_jobs(events.jobs_lately(connection)), *current]
        before = Moment.of_cursor(cursor)
        if before is None or not before.is_before(moment):
            return [_reset(), _data(moment), *current]
        return [*self._happened(connection, before, moment), *current]

    def _system_if_changed(self, connection: Connection) -> list[Event]:
        if time.monotonic() < self._system_due and self._system:
            return []
        seen = _system(events.system(connection, QUEUES))
        self._system_due = time.monotonic() + _LOOK_SECONDS * 0.9
        if seen == self._system:
            return []
        self._system = seen
        return [seen]

    def _keep_alive(self) -> None:
        if time.monotonic() - self._spoke >= _HEARTBEAT_SECONDS:
            self._tell([*self._members, *(stream for stream, _ in self._newcomers)], _HEARTBEAT)

    def _tell(self, streams: Sequence[Stream], data: bytes) -> None:
        self._spoke = time.monotonic()
        for stream in streams:
            stream.put(data)


def _data(moment: Moment) -> Event:
    return Event("data", {"version": moment.version})


def _reset() -> Event:
    return Event("reset", {})


def _jobs(jobs: Sequence[JobState]) -> list[Event]:
    return [
        Event(
            "job",
            {
                "id": job.id,
                "state": job.state,
                "kind": job.kind,
                "progress": {"done": job.done, "total": job.total},
            },
        )
        for job in jobs
    ]


def _system(state: SystemState) -> Event:
    queues = {
        name: {
            "ready": queue.ready,
            "in_flight": queue.in_flight,
            "later": queue.later,
            "oldest_waiting_seconds": None if queue.oldest is None else int(queue.oldest),
        }
        for name, queue in state.queues.items()
    }
    return Event("system", {"queues": queues, "workers": state.workers})


def _written(happened: Sequence[Event], moment: Moment) -> bytes:
    """As text/event-stream has it. The cursor comes with the last: who loses the line before it is told all again."""
    lines = [f"event: {each.kind}\ndata: {json.dumps(each.data)}\n" for each in happened]
    return ("\n".join(lines) + f"id: {moment.cursor}\n\n").encode()
