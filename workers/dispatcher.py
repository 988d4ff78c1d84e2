"""What keeps promises that messages don't: every worker process runs one, any number may run at once."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from core.errors import Unavailable
from core.settings import Settings
from db import history, jobs, leases, metrics, pruning, samples
from db.pool import Database
from workers import schedule, tally
from workers.alerting import Alerting
from workers.queue import QUEUES, Bell

logger = logging.getLogger(__name__)

_TICK_SECONDS = 0.2
_AFTER_FAILURE_SECONDS = 1.0
# Of 100 jobs, 100 pages and 10 uploads at most.
_BITE_SECONDS = 10.0
# Measured on a proof of concept: without these bounds an overload rang 20,541 times for 2,380 attempts.
_FULL = 200
_NEARLY_EMPTY = 16


@dataclass
class _Chore:
    """Something done every so many seconds."""

    every: float
    do: Callable[[], object]
    due: float = 0.0


class Dispatcher:
    """Rings for due tasks, takes back lost ones, starts scheduled ingests, ends what was cancelled, prunes."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        bell: Bell,
        worker: str,
        pulse: Callable[[], object] = lambda: None,
    ) -> None:
        self._worker = worker
        self._database = database
        self._bell = bell
        self._chores = [
            _Chore(5.0, pulse),
            _Chore(5.0, lambda: leases.sign_of_life(database, worker)),
            _Chore(_TICK_SECONDS, lambda: leases.take_back_lost(database)),
            _Chore(_TICK_SECONDS, self.ring),
            _Chore(math.inf, lambda: schedule.keep_environment(settings, database)),
            _Chore(1.0, lambda: schedule.start_due(settings, database, bell)),
            _Chore(1.0, lambda: jobs.finish_cancels(database)),
            _Chore(math.inf, lambda: schedule.start_startup(settings, database, bell)),
            _Chore(_BITE_SECONDS, lambda: self._prune(settings)),
            # Often enough that none of the ten seconds goes without.
            _Chore(samples.APART_SECONDS / 5, lambda: samples.take(database, QUEUES)),
            _Chore(metrics.APART_SECONDS / 2, lambda: metrics.count_ended(database)),
            _Chore(metrics.APART_SECONDS, lambda: tally.deliver(database)),
        ]
        alerting = Alerting(settings, database)
        self._chores += [
            _Chore(0.5, alerting.find),
            _Chore(0.5, alerting.send_due),
            _Chore(5.0, alerting.find_stale),
            _Chore(60.0, alerting.prune),
        ]

        if (age := settings.history_retention) is not None:
            self._chores.append(_Chore(60.0, lambda: history.prune_history(database, age)))

    def run(self, stopping: threading.Event) -> None:
        """Tick until told to stop, whatever is away meanwhile."""
        while not stopping.wait(_TICK_SECONDS):
            self.tick(time.monotonic())
        with suppress(Unavailable):
            leases.forget_worker(self._database, self._worker)
            tally.deliver(self._database)

    def tick(self, now: float) -> None:
        """Do every chore that is due; one that fails keeps no other from being done."""
        for chore in self._chores:
            if chore.due > now:
                continue
            try:
                chore.do()
                chore.due = now + chore.every
            except Exception as error:
                chore.due = now + _AFTER_FAILURE_SECONDS
                known = isinstance(error, Unavailable)
                logger.warning(
                    "dispatcher: tries again: %s", error if known else type(error).__name__, exc_info=not known
                )

    def _prune(self, settings: Settings) -> None:
        pruning.prune(self._database, job_age=settings.job_retention, raw_batch_age=settings.raw_batch_retention)

    def ring(self) -> None:
        """Ring for what is due, as far as the queues have room; with Redis away nothing is marked as rung."""
        ready = self._bell.ready()
        if ready < _FULL:
            self._bell.ring(leases.due(self._database, most=_FULL - ready, again=ready < _NEARLY_EMPTY))
