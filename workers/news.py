"""Word that something changed, from who committed to who watches. Lossy: they look now and then anyway."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

CHANNEL = "crypto-quotes:news"

_ASK_SECONDS = 2.0


def tell(client: redis.Redis, queues: Iterable[str] = ()) -> None:
    """Say that something was committed, and in which queues bells rang; nothing is raised when nobody can be told."""
    with suppress(redis.RedisError):
        client.publish(CHANNEL, " ".join(queues))


class Ear:
    """Calls `heard` with each word's queues, in a thread of its own, for as long as somebody wants to know."""

    def __init__(self, redis_url: str, heard: Callable[[Sequence[str]], None]) -> None:
        self._redis_url = redis_url
        self._heard = heard
        self._unwanted = threading.Event()
        self._unwanted.set()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Listen from now on. Called by one thread only, as is `close`."""
        if self._unwanted.is_set():
            self._unwanted = threading.Event()
            self._thread = threading.Thread(target=self._run, args=(self._unwanted,), name="ear", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Listen no longer; the thread ends within some seconds."""
        self._unwanted.set()

    def _run(self, unwanted: threading.Event) -> None:
        client = redis.Redis.from_url(
            self._redis_url, socket_connect_timeout=_ASK_SECONDS, socket_timeout=None, retry=Retry(NoBackoff(), 0)
        )
        with client:
            while not unwanted.is_set():
                try:
                    self._listen(client, unwanted)
                except redis.RedisError as error:
                    logger.debug("no news from Redis: %s", type(error).__name__)
                    unwanted.wait(_ASK_SECONDS)

    def _listen(self, client: redis.Redis, unwanted: threading.Event) -> None:
        with client.pubsub(ignore_subscribe_messages=True) as words:  # type: ignore[no-untyped-call]
            words.subscribe(CHANNEL)
            while not unwanted.is_set():
                if word := words.get_message(timeout=_ASK_SECONDS):
                    self._heard(word["data"].decode().split())
