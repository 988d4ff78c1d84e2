"""When a job ended: by the clock, since the transaction that began first may be the last to end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from db import jobs, tasks
from db.jobs import TaskOrder
from db.pool import Database
from db.tasks import Claim


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=4)
    yield database
    database.close()


def claimed(database: Database, task: int) -> Claim:
    found = tasks.claim(database, task, worker="w", lease=60)
    assert found is not None
    return found


def test_a_job_ends_no_earlier_than_its_last_task(database: Database) -> None:
    with database.transaction() as connection:
        orders = [TaskOrder("csv"), TaskOrder("coingecko", {"limit": 5})]
        made = jobs.submit(connection, kind="all", orders=orders, max_attempts=4, requested_by="test")
    slow, quick = (claimed(database, bell.task_id) for bell in made.doorbells)
    with tasks.holding(database, slow) as connection:
        with tasks.holding(database, quick) as other:
            tasks.fail(other, quick, "gone")
        tasks.fail(connection, slow, "gone")
    with database.connection() as connection:
        row = connection.execute(
            "SELECT finished_at >= (SELECT max(finished_at) FROM tasks WHERE job_id = jobs.id) FROM jobs"
        ).fetchone()
    assert row == (True,)
