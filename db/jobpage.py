"""What a job's page shows beyond what the API tells of a job: its tasks one by one, and who ran it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.models import JsonObject
from db.jobviews import JobView, one_job
from db.pool import Connection
from db.queries import sql

MOST_TASKS = 50


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task. `attempts` counts every claim that led to a try, `waits` those that the upstream asked for, `asides`
    claims given up before a request went out. `not_before` is set while it waits, `worker` while it runs; `limit`,
    `uploaded` and `columns` are what was asked for; `filename` is known while the upload is kept.
    """

    id: int
    kind: str
    source: str
    state: str
    attempts: int
    waits: int
    asides: int
    not_before: datetime | None
    worker: str | None
    rows: int
    rejected: int
    started_at: datetime | None
    finished_at: datetime | None
    retried_by: int | None
    limit: str | None
    uploaded: bool
    filename: str | None
    columns: JsonObject


@dataclass(frozen=True, slots=True)
class Successor:
    """A job that ran this one's failed parts again."""

    id: int
    state: str


@dataclass(frozen=True, slots=True)
class JobPage:
    """A job in full, its tasks (MOST_TASKS at most, open and failed ones first), its successors (the oldest first)."""

    view: JobView
    tasks: Sequence[TaskLine]
    successors: Sequence[Successor]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs there are, by state and kind."""

    by: Mapping[tuple[str, str], int]

    def of(self, state: str | None = None, kind: str | None = None) -> int:
        """Those of the state and the kind; None stands for any."""
        return sum(
            many
            for (known_state, known_kind), many in self.by.items()
            if state in (None, known_state) and kind in (None, known_kind)
        )


def counts(connection: Connection) -> Counts:
    rows = connection.execute(sql("jobs_by_state_and_kind"))
    return Counts({(state, kind): many for state, kind, many in rows})


def job_page(connection: Connection, job_id: int) -> JobPage:
    """Raises NoSuchJob."""
    view = one_job(connection, job_id)
    job = {"job": job_id}
    return JobPage(
        view,
        [TaskLine(*row) for row in connection.execute(sql("job_task_lines"), {**job, "most": MOST_TASKS})],
        [Successor(*row) for row in connection.execute(sql("jobs_that_ran_it_again"), job)],
    )
