"""What this process has counted goes to where all processes' counts are."""

from __future__ import annotations

from core.calls import CALLS, Calls
from core.errors import Unavailable
from db import metrics
from db.pool import Database


def deliver(database: Database, calls: Calls = CALLS) -> None:
    """Add the calls of upstreams to the counters. Raises Unavailable; then they are delivered another time."""
    taken = calls.take()
    if not taken:
        return
    try:
        metrics.add(database, {("upstream_requests", labels): count for labels, count in taken.items()})
    except Unavailable:
        calls.put_back(taken)
        raise
