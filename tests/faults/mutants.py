"""Programs that are wrong on purpose, to check the checker: each stands in for `workers.broker:start`.

Nothing of this is in the product: a worker process that starts here alters itself and then starts as usual.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from core.errors import Unavailable
from db import leases, quotes, tasks
from db.queries import statements
from db.tasks import Claim, Outcome
from workers import broker
from workers.dispatcher import Dispatcher
from workers.work import Work, read_pages


def unfenced() -> None:
    """Claims don't raise the fence, so that a late worker's is as good as the new one's."""
    claim = statements()["claim_tasks"]
    without = claim.replace("fence = fence + 1, ", "")
    assert without != claim
    statements()["claim_tasks"] = without
    broker.start()


def torn() -> None:
    """A batch is merged in a transaction of its own, before the one that checks the fence and ends the task."""

    def normalize(self: Work, claims: Sequence[Claim]) -> bool:
        outcomes: list[Outcome] = []
        with self._database.transaction() as connection:
            pages = read_pages(connection, claims, outcomes)
            coins = quotes.store_pages(connection, claims[0].source, pages, self._rules)
        with tasks.holding(self._database, *claims) as connection:
            return tasks.succeed_all(connection, claims, outcomes, coins)

    Work._normalize = normalize  # type: ignore[method-assign]
    broker.start()


def undispatched() -> None:
    """No dispatcher: the process says that it lives, and does none of the chores."""

    def run(self: Dispatcher, stopping: threading.Event) -> None:
        while not stopping.is_set():
            with suppress(Unavailable):
                leases.sign_of_life(self._database, self._worker)
            time.sleep(1)

    Dispatcher.run = run  # type: ignore[method-assign]
    broker.start()
