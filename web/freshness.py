"""Asking Postgres which data there are now, once for all requests that wait for the answer."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition


class Freshness:
    """`ask` finds the version. A request only gets what an `ask` found that began after the request came.

    At most one runs at a time in a process; who comes meanwhile waits for the next one. Threads share it.
    """

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask
        self._changed = Condition()
        self._begun = self._ended = 0
        self._running = False
        self._found: str | Exception = ""

    def version(self) -> str:
        """The version of data that is no older than this call. Raises what `ask` raised."""
        with self._changed:
            mine = self._begun + 1
            while self._running and self._ended < mine:
                self._changed.wait()
            if self._ended >= mine:
                return self._told()
            self._running = True
            self._begun += 1
        found: str | Exception
        try:
            found = self._ask()
        except Exception as error:
            found = error
        with self._changed:
            self._running = False
            self._ended += 1
            self._found = found
            self._changed.notify_all()
        if isinstance(found, Exception):
            raise found
        return found

    def _told(self) -> str:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found
