"""Tasks that failed for good, kept in sight until someone has them run again or their job is pruned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import ProjectError
from db.jobs import NotRetryable, Part, Submitted, run_again
from db.jobviews import Failure
from db.pool import Connection
from db.queries import sql

MOST_AT_ONCE = 1000


class NoSuchTask(ProjectError):
    """There is no task of that id."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A failed task with its failed attempts, the latest first."""

    task_id: int
    job_id: int
    kind: str
    source: str
    attempts: int
    failed_at: datetime
    failures: Sequence[Failure]


def page(connection: Connection, *, source: str | None, number: int, size: int) -> tuple[list[DeadLetter], int]:
    """A page of failed tasks that were not run again, the latest first, and how many there are in all."""
    counted = connection.execute(sql("count_dead_letters"), {"source": source}).fetchone()
    rows = connection.execute(
        sql("dead_letters"), {"source": source, "page_size": size, "offset": (number - 1) * size}
    ).fetchall()
    return [_letter(*row) for row in rows], int(counted[0]) if counted else 0


def retry_one(connection: Connection, task_id: int, *, requested_by: str) -> Submitted:
    """A new job that does a failed task again, from where it stopped. Raises NoSuchTask, NotRetryable."""
    row = connection.execute(sql("lock_dead_letter"), {"task": task_id}).fetchone()
    if row is None:
        raise NoSuchTask(f"There is no task {task_id}.")
    state, retried_by, job_id = row[:3]
    if state != "failed":
        raise NotRetryable(f"Task {task_id} has not failed: it is {state}.")
    if retried_by is not None:
        raise NotRetryable(f"Task {task_id} was run again by job {retried_by}.")
    part = Part(*row[3:])
    return run_again(connection, [part], kind=part.source, requested_by=requested_by, retry_of=job_id)


def retry_all(connection: Connection, source: str, *, requested_by: str) -> Submitted:
    """A new job that does a source's failed tasks again, the oldest MOST_AT_ONCE of them. Raises NotRetryable."""
    rows = connection.execute(sql("lock_dead_letters_of_source"), {"source": source, "most": MOST_AT_ONCE}).fetchall()
    if not rows:
        raise NotRetryable(f"Nothing of {source} has failed that was not run again.")
    return run_again(connection, [Part(*row) for row in rows], kind=source, requested_by=requested_by, retry_of=None)


def _letter(
    task_id: int, job_id: int, kind: str, source: str, attempts: int, failed_at: datetime, errors: list[dict[str, Any]]
) -> DeadLetter:
    failures = [
        Failure(source, kind, datetime.fromisoformat(each["at"]), each["attempt"], each["detail"], each["followed"])
        for each in reversed(errors)
    ]
    return DeadLetter(task_id, job_id, kind, source, attempts, failed_at, failures)
