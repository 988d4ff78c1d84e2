"""Forgetting what has served its time, in small bites, so that nobody waits for it."""

from __future__ import annotations

from db.pool import Database
from db.queries import sql


def prune(database: Database, *, raw_batch_age: float) -> None:
    """Drop pages and uploads older than `raw_batch_age` seconds that no open job needs, and keys of yesterday."""
    with database.connection() as connection:
        connection.execute(sql("prune_raw_batches"), {"age": raw_batch_age})
        connection.execute(sql("prune_uploads"), {"age": raw_batch_age})
        connection.execute(sql("prune_idempotency_keys"))
