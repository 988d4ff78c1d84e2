"""How many fetches of one source a process does at once, so that a source that hangs never holds all its threads.

A doorbell beyond that is parked here and answered by the thread that next has done a fetch of that source: nothing
polls, no thread waits. Parked doorbells are lost with the process, as any message may be: the dispatcher rings again.
"""

from __future__ import annotations

import threading
from collections import defaultdict

from db.jobs import Doorbell

# What is parked beyond this is dropped: the dispatcher rings again in some seconds.
_MOST_PARKED = 1000


def lanes_for(threads: int, sources: int) -> int:
    """How many for each of so many sources: together they leave a thread free, where there are enough."""
    return max(1, (threads - 1) // sources)


class Lanes:
    """At most `most` fetches of a source at a time. Safe to share between threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._busy: defaultdict[str, int] = defaultdict(int)
        # By source, the parked doorbells by their tasks, the oldest first; a second ring for one changes nothing.
        self._parked: defaultdict[str, dict[int, Doorbell]] = defaultdict(dict)

    def enter(self, bell: Doorbell) -> bool:
        """Whether there is room for this fetch now; if not, its doorbell is parked."""
        with self._lock:
            if self._busy[bell.source] < self._most:
                self._busy[bell.source] += 1
                return True
            parked = self._parked[bell.source]
            if len(parked) < _MOST_PARKED:
                parked.setdefault(bell.task_id, bell)
            return False

    def following(self, source: str) -> Doorbell | None:
        """A fetch is done: the parked doorbell that takes its room over, or None, and the room is free."""
        with self._lock:
            parked = self._parked[source]
            if parked:
                return parked.pop(next(iter(parked)))
            self._busy[source] -= 1
            return None

    def is_awaited(self, source: str) -> bool:
        """Whether a fetch is parked that will want the thread of the next one to be done."""
        with self._lock:
            return bool(self._parked[source])

    def leave(self, source: str) -> None:
        """A fetch broke off without being able to go on with another."""
        with self._lock:
            self._busy[source] -= 1

    def clear(self) -> list[Doorbell]:
        """Every parked doorbell, for others to be rung for; the process is to stop."""
        with self._lock:
            parked = [bell for bells in self._parked.values() for bell in bells.values()]
            self._parked.clear()
        return parked
