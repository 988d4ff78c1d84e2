"""How the sources answered this process, counted until somebody takes the counts away."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

import requests
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

_KNOWN = frozenset(HTTPStatus)


class Calls:
    """Requests by source and status, or `timeout` or `unreachable`. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def answered(self, source: str, status: int) -> None:
        """An answer's head came. A status that nobody has heard of is `other`: a source could make up any number."""
        self._count(source, str(status) if status in _KNOWN else "other")

    @contextmanager
    def noting_failure(self, source: str) -> Iterator[None]:
        """Around a request: count that no answer came, and why."""
        try:
            yield
        except (requests.Timeout, TimeoutError):
            self._count(source, "timeout")
            raise
        except (RequestException, HTTPError, OSError):
            self._count(source, "unreachable")
            raise

    def take(self) -> Mapping[tuple[str, str], int]:
        """What was counted since it was last taken."""
        with self._lock:
            taken, self._counts = self._counts, Counter()
            return taken

    def put_back(self, taken: Mapping[tuple[str, str], int]) -> None:
        """It couldn't be delivered: let it be taken again."""
        with self._lock:
            self._counts.update(taken)

    def _count(self, source: str, status: str) -> None:
        with self._lock:
            self._counts[source, status] += 1


# Of this process: requests are sent from deep within the sources, which know of no worker.
CALLS = Calls()
