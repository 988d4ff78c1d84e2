"""Which sources rest, kept where all workers see it. core/breaker.py has the rule; the clock is the database's."""

from __future__ import annotations

from datetime import datetime

from core.breaker import longest_trial, rest_after
from core.settings import Settings
from db.pool import Connection, Database
from db.queries import sql


def rest_left(database: Database, source: str, settings: Settings) -> float:
    """For how many seconds a fetch that has not begun is to be set aside; 0: it may ask, or is the one that tries."""
    with database.connection() as connection:
        row = connection.execute(sql("rest_of_source"), {"source": source}).fetchone()
        if row is None:
            return 0.0
        if row[0] > 0:
            return float(row[0])
        trial = longest_trial(settings)
        mine = connection.execute(sql("try_rested_source"), {"source": source, "trial": trial}).fetchone()
        return 0.0 if mine else trial


def hold_rest(connection: Connection, source: str) -> float:
    """For how many seconds the source rests as of now; nobody changes that until the caller's transaction has ended."""
    row = connection.execute(sql("lock_rest"), {"source": source}).fetchone()
    return float(row[0] or 0) if row else 0.0


def note_trouble(database: Database, source: str, settings: Settings, *, for_good: bool) -> float:
    """A fetch's attempt failed, and the fetch with it if `for_good`; for how many seconds the source rests now."""
    statement = "source_failed" if for_good else "failures_while_resting"
    with database.transaction() as connection:
        row = connection.execute(sql(statement), {"source": source}).fetchone()
        rest = rest_after(int(row[0]), settings) if row else 0.0
        if rest:
            connection.execute(sql("let_source_rest"), {"source": source, "rest": rest})
            # Some wait for what comes of a trial, longer than that.
            connection.execute(sql("wake_fetches"), {"source": source, "seconds": rest})
    return rest


def note_success(database: Database, source: str) -> None:
    """A page came: nothing is held against the source, and who was set aside for its rest is due at once."""
    with database.transaction() as connection:
        row = connection.execute(sql("source_works"), {"source": source}).fetchone()
        if row and row[0]:
            connection.execute(sql("wake_fetches"), {"source": source, "seconds": 0})


def resting(connection: Connection) -> dict[str, datetime]:
    """By source, until when it rests; who works has no entry."""
    return dict(connection.execute(sql("resting_sources")).fetchall())
