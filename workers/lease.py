"""What this process holds, and the heartbeat that keeps it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import Unavailable
from db import leases
from db.jobs import Doorbell
from db.pool import Database
from db.tasks import Claim

logger = logging.getLogger(__name__)


class Holdings:
    """The tasks that this process works on now, by id, with their fences."""

    def __init__(self, database: Database, lease: float) -> None:
        self._database = database
        self._lease = lease
        self._lock = threading.Lock()
        self._held: dict[int, Claim] = {}

    @contextmanager
    def keep(self, claimed: Claim) -> Iterator[None]:
        """Have the lease renewed for as long as the block runs."""
        with self._lock:
            self._held[claimed.task_id] = claimed
        try:
            yield
        finally:
            with self._lock:
                # After a hand-back this process may have claimed the task anew.
                if self._held.get(claimed.task_id) is claimed:
                    del self._held[claimed.task_id]

    def renew(self) -> None:
        if fences := self._fences():
            leases.renew(self._database, fences, lease=self._lease)

    def hand_back(self, *, kinds: tuple[str, ...]) -> list[Doorbell]:
        """Give the tasks of these kinds back unfinished; their threads find themselves fenced off."""
        fences = self._fences(kinds)
        return leases.hand_back(self._database, fences) if fences else []

    def _fences(self, kinds: tuple[str, ...] | None = None) -> dict[int, int]:
        with self._lock:
            held = self._held.items()
            return {task: claimed.fence for task, claimed in held if kinds is None or claimed.kind in kinds}


def beat(holdings: Holdings, lease: float) -> None:
    """Renew for as long as the process lives, four times in a lease's length: a beat missed is no harm."""
    while True:
        time.sleep(lease / 4)
        try:
            holdings.renew()
        except Unavailable:
            logger.warning("heartbeat missed: the database can't be reached")
