"""The doorbell: a message that names a task, no more. It may be lost, late or doubled; the task's row is the truth."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import redis
from dramatiq import Message
from dramatiq.brokers.redis import RedisBroker
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.errors import Unavailable
from db.jobs import Doorbell
from workers import news

logger = logging.getLogger(__name__)

# A queue for each way of working: fetching waits, the rest computes. Not one a source: every queue is polled by every
# worker process, also when there is nothing to do.
QUEUES = ("fetch", "normalize")

# A POST must not wait for a Redis that is away: the dispatcher rings again.
_REDIS_SECONDS = 0.5


class DoorbellBroker(RedisBroker):
    """A RedisBroker without delay queues: waits are rows in Postgres, and nobody need poll for delayed messages.

    Once `stopping` is set it takes no more messages: a consumer runs on for as long as any thread does, and would keep
    them from the processes that stay.
    """

    stopping: threading.Event | None = None
    # For how many seconds a consumer waits at an empty queue to hear a bell. Any may go unheard, so it looks by itself.
    patience = 0.0

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)  # type: ignore[no-untyped-call]
        self._heard = {queue: threading.Event() for queue in QUEUES}

    def hear(self, queues: Iterable[str]) -> None:
        """Bells rang in these queues."""
        for queue in queues:
            if queue in self._heard:
                self._heard[queue].set()

    def do_fetch(self, queue: str, most: int) -> list[bytes]:
        """Called by Dramatiq's consumer for up to so many messages; after none it sleeps for some milliseconds."""
        self._heard[queue].clear()
        found = self._look(queue, most)
        if not found and self.patience and self._heard[queue].wait(self.patience):
            found = self._look(queue, most)
        return found

    def _look(self, queue: str, most: int) -> list[bytes]:
        if self.stopping and self.stopping.is_set():
            return []
        found: list[bytes] = self._dispatch("fetch")(queue, most)  # type: ignore[no-untyped-call]
        return found

    def declare_queue(self, queue_name: str) -> None:
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many messages a queue holds: waiting, taken by a worker, delayed (we never do), dead-lettered."""

    ready: int
    in_flight: int
    delayed: int
    dead: int


def connect(redis_url: str) -> redis.Redis:
    """A client that fails fast and never repeats by itself; connects on first use."""
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def make_broker(redis_url: str, client: redis.Redis | None = None) -> DoorbellBroker:
    """The broker with no middleware: no Retries, no results, no time limits; Postgres does all that.

    The default 60 s heartbeat and rare maintenance would bring a killed worker's message back after many minutes.
    """
    return DoorbellBroker(
        client=client or connect(redis_url), middleware=[], heartbeat_timeout=15_000, maintenance_chance=100_000
    )


def queue_name(bell: Doorbell) -> str:
    """Rebuilding is as normalizing is: work for the database and this process, no waiting."""
    return "fetch" if bell.kind == "fetch" else "normalize"


def actor_name(bell: Doorbell) -> str:
    """Each source is fetched by an actor of its own; normalizing is the same for all."""
    return f"fetch_{bell.source}" if bell.kind == "fetch" else bell.kind


class Bell:
    """Rings for tasks and says how long the queues are. Safe to share between threads."""

    def __init__(self, redis_url: str, broker: DoorbellBroker | None = None) -> None:
        self._broker = broker or make_broker(redis_url)

    def ring(self, doorbells: Iterable[Doorbell]) -> None:
        """Ring once for each task, and tell who watches. A failure is logged only: the dispatcher rings again."""
        bells = list(doorbells)
        try:
            for bell in bells:
                self._broker.enqueue(
                    Message(
                        queue_name=queue_name(bell),
                        actor_name=actor_name(bell),
                        args=(bell.task_id,),
                        kwargs={},
                        options={},
                    )
                )
        except redis.RedisError as error:
            logger.warning("doorbell not rung, the dispatcher will: %s", type(error).__name__)
            return
        if bells:
            news.tell(self._broker.client, {queue_name(bell) for bell in bells})

    def tell(self) -> None:
        """Let who watches jobs and data know that something was committed; if nobody can be told, nothing is lost."""
        news.tell(self._broker.client)

    def ready(self) -> int:
        """Messages that wait in all queues together. Raises Unavailable when Redis is away."""
        return sum(depth.ready for depth in self.depths().values())

    def depths(self) -> dict[str, QueueDepth]:
        """How long each queue is, by the keys that dramatiq's dispatch.lua documents. Raises Unavailable."""
        keys = {queue: f"{self._broker.namespace}:{queue}" for queue in QUEUES}
        try:
            pipeline: Any = self._broker.client.pipeline(transaction=False)
            for key in keys.values():
                pipeline.llen(key).hlen(f"{key}.msgs").hlen(f"{key}.DQ.msgs").zcard(f"{key}.XQ")
            numbers = iter(pipeline.execute())
        except redis.RedisError as error:
            raise Unavailable("Redis can't be reached now") from error
        depths = {}
        for queue in QUEUES:
            ready, held, delayed, dead = (next(numbers) for _ in range(4))
            depths[queue] = QueueDepth(ready, max(0, held - ready), delayed, dead)
        return depths

    def ping_ms(self) -> float:
        """How long Redis takes to answer, in milliseconds. Raises Unavailable."""
        begun = time.perf_counter()
        try:
            self._broker.client.ping()
        except redis.RedisError as error:
            raise Unavailable("Redis can't be reached now") from error
        return (time.perf_counter() - begun) * 1000
