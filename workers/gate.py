"""Whether a source may be asked now, by what all workers know: its rest (Postgres) and its rate budget (Redis)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from core.breaker import has_begun
from core.errors import RateLimited, Retry, Unavailable
from core.settings import Settings
from db import sources
from db.pool import Database
from db.tasks import Claim
from workers.budget import Budget

logger = logging.getLogger(__name__)


class Gate:
    """One for all threads of a process."""

    def __init__(self, settings: Settings, database: Database, budget: Budget) -> None:
        self._settings = settings
        self._database = database
        self._budget = budget

    def rest_left(self, claimed: Claim) -> float:
        """For how many seconds a fetch is to be set aside because its source rests; 0 for one that has begun."""
        if has_begun(attempt=claimed.attempt, waits=claimed.waits, cursor=claimed.cursor):
            return 0.0
        return sources.rest_left(self._database, claimed.source, self._settings)

    @contextmanager
    def turn(self, source: str) -> Iterator[None]:
        """Around one request. Raises NotYet when the source's rate budget is spent."""
        with self._budget.turn(source):
            yield

    def went_well(self, source: str) -> None:
        """A page came."""
        with suppress(Unavailable):
            sources.note_success(self._database, source)

    def went_wrong(self, source: str, error: Exception, *, for_good: bool) -> None:
        """An attempt failed, and the fetch with it if `for_good`. Only trouble that may pass is the source's."""
        if isinstance(error, RateLimited):
            self._budget.shrink(source)
        if not isinstance(error, Retry):
            return
        with suppress(Unavailable):
            rest = sources.note_trouble(self._database, source, self._settings, for_good=for_good)
            if rest:
                logger.warning("%s rests for %g s: too many fetches in a row failed", source, rest)
