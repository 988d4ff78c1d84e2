"""Asking Postgres once for all requests that wait for the same answer."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Found = TypeVar("Found")


class Freshness(Generic[Found]):
    """What is found is no older than the request: each gets only what an asking found that began after it came.

    Of each key at most one asking runs at a time in a process; all who come meanwhile share the next. Threads share it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: dict[Hashable, Future[Found]] = {}
        self._next: dict[Hashable, Future[Found]] = {}

    def ask(self, key: Hashable, question: Callable[[], Found]) -> Found:
        """What `question` found, by whichever caller it was asked. Raises what it raised."""
        with self._lock:
            running = self._running.get(key)
            joined = self._next.get(key)
            if joined is None:
                mine: Future[Found] = Future()
                (self._next if running else self._running)[key] = mine
        if joined is not None:
            return joined.result()
        if running:
            running.exception()  # its end is all that is waited for
            with self._lock:
                self._running[key] = self._next.pop(key)
        try:
            found = question()
        except BaseException as error:
            self._end(key)
            mine.set_exception(error)
            raise
        self._end(key)
        mine.set_result(found)
        return found

    def _end(self, key: Hashable) -> None:
        """Before those who wait are told, so that whoever comes now asks anew or joins the next."""
        with self._lock:
            if key not in self._next:
                del self._running[key]
