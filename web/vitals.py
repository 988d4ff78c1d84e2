"""What a web process is busy with at the moment: its connections to Postgres, and its open event streams."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge

from db.pool import Database

_APART_SECONDS = 2.0


class Vitals:
    """Gauges that each process sets for itself; those of a server's living processes are added up."""

    def __init__(self, registry: CollectorRegistry, database: Database, streams: Callable[[], int]) -> None:
        self._database = database
        self._streams = streams
        self._connections = Gauge(
            "crypto_quotes_pool_connections",
            "Connections to Postgres that web's processes hold: in use, idle, and how many they may have. Per replica.",
            ("state",),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._queue = Gauge(
            "crypto_quotes_pool_requests_waiting",
            "Requests that wait for a connection to Postgres. Per replica.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._open = Gauge(
            "crypto_quotes_event_streams_open",
            "Readers of GET /api/v1/events. Per replica.",
            registry=registry,
            multiprocess_mode="livesum",
        )

    def note(self) -> None:
        """Set the gauges to what is now."""
        use = self._database.use()
        self._connections.labels("in_use").set(use.in_use)
        self._connections.labels("idle").set(use.idle)
        self._connections.labels("limit").set(use.limit)
        self._queue.set(use.waiting)
        self._open.set(self._streams())

    def keep_noting(self) -> None:
        """Note every two seconds for as long as the process lives: another one may be asked for what this one does."""

        def note() -> None:
            while True:
                self.note()
                time.sleep(_APART_SECONDS)

        threading.Thread(target=note, name="vitals", daemon=True).start()
