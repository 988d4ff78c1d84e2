"""How the whole system stands, for Prometheus: from Postgres and Redis, so that every replica says the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from core.errors import Unavailable
from core.sources import SOURCES
from db import health, metrics, system
from db.pool import Connection
from db.sources import resting
from web.metricfamilies import Rung, Stored, families
from web.services import Services

# Scrapes within this time are one question to Postgres, however many ask.
KEPT_SECONDS = 2.0


class Standing(Collector):
    """Asks when it is scraped, at most every two seconds."""

    def __init__(self, offered: Services, clock: Callable[[], float] = time.monotonic) -> None:
        self._offered = offered
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._kept: list[Metric] = []

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            if self._asked_at is None or self._clock() - self._asked_at >= KEPT_SECONDS:
                self._kept = families(_ask_postgres(self._offered), _ask_redis(self._offered))
                self._asked_at = self._clock()
            return self._kept


def _ask_postgres(offered: Services) -> Stored | None:
    try:
        with offered.database.connection() as connection:
            return _stored(connection)
    except Unavailable:
        return None


def _stored(connection: Connection) -> Stored:
    return Stored(
        counters=metrics.counters(connection),
        jobs=metrics.open_jobs(connection),
        tasks=metrics.open_tasks(connection),
        dead_letters=system.dead_letters_by_source(connection),
        workers=health.workers_alive(connection),
        coins=health.total_records(connection),
        ages={
            each.source: each.age for each in health.source_freshness(connection, list(SOURCES)) if each.age is not None
        },
        resting=frozenset(resting(connection)),
    )


def _ask_redis(offered: Services) -> Rung | None:
    try:
        return Rung(offered.bell.depths(), offered.budget.left())
    except Unavailable:
        return None
