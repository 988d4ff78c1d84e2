"""Forgetting what has served its time, in small bites, so that nobody waits for it."""

from __future__ import annotations

from db.pool import Connection, Database
from db.queries import sql


def prune(database: Database, *, job_age: float, raw_batch_age: float) -> None:
    """Take a bite of each: jobs that ended `job_age` seconds ago, with all that hangs on them; pages and uploads older
    than `raw_batch_age` seconds that no open job needs; keys of yesterday. Nothing while another process is at it.
    """
    with database.transaction() as connection:
        if _mine(connection):
            old = [row[0] for row in connection.execute(sql("jobs_past_their_age"), {"age": job_age})]
            connection.execute(sql("prune_tasks"), {"jobs": old})
            connection.execute(sql("prune_jobs"), {"jobs": old})
    with database.transaction() as connection:
        if _mine(connection):
            connection.execute(sql("prune_raw_batches"), {"age": raw_batch_age})
            connection.execute(sql("prune_uploads"), {"age": raw_batch_age})
            connection.execute(sql("prune_idempotency_keys"))


def _mine(connection: Connection) -> bool:
    return connection.execute(sql("lock_pruning")).fetchone() == (True,)
