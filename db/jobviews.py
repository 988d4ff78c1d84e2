"""Jobs as a client sees them: read together from the job, its tasks and its rejected rows. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.models import JsonObject
from db.jobs import NoSuchJob
from db.pool import Connection
from db.queries import sql

MOST_REJECTIONS = 20
MOST_ERRORS = 100
MOST_COIN_NAMES = 500


@dataclass(frozen=True, slots=True)
class Head:
    """A job's own row. `stored` is the number of distinct coins, known when it has ended."""

    id: int
    kind: str
    state: str
    retry_of: int | None
    requested_by: str
    stored: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None


@dataclass(frozen=True, slots=True)
class Part:
    """One source's share of a job: its tasks by state, what came of them, and the last failure's message."""

    source: str
    queued: int
    running: int
    succeeded: int
    failed: int
    cancelled: int
    rows: int
    rejected: int
    attempts: int
    message: str | None
    notes: JsonObject
    stored: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt; `followed` is what came of it: retry, wait, lost or failed."""

    source: str
    task: str
    at: datetime
    attempt: int
    detail: str
    followed: str


@dataclass(frozen=True, slots=True)
class Step:
    """The tasks of one source and kind: how many, when the first began, when the last ended (if all have)."""

    source: str
    task: str
    tasks: int
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not stored, and why."""

    source: str
    row: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class JobView:
    """A job in full; in a list, its head and parts alone. `coins` are names, for a job that has ended."""

    head: Head
    parts: Sequence[Part]
    failures: Sequence[Failure] = ()
    steps: Sequence[Step] = ()
    rejections: Sequence[RejectedRow] = ()
    coins: Sequence[str] = ()


def list_jobs(
    connection: Connection, *, page: int, page_size: int, state: str | None, kind: str | None
) -> tuple[list[JobView], int]:
    """A page of jobs, the newest first, and how many there are in all."""
    filters = {"state": state, "kind": kind}
    counted = connection.execute(sql("count_jobs"), filters).fetchone()
    rows = connection.execute(
        sql("job_heads"), {**filters, "page_size": page_size, "offset": (page - 1) * page_size}
    ).fetchall()
    heads = [Head(*row) for row in rows]
    parts = _parts(connection, [head.id for head in heads])
    return [JobView(head, parts.get(head.id, [])) for head in heads], int(counted[0]) if counted else 0


def one_job(connection: Connection, job_id: int) -> JobView:
    """A job in full. Raises NoSuchJob."""
    row = connection.execute(sql("job_head"), {"job": job_id}).fetchone()
    if row is None:
        raise NoSuchJob(f"There is no job {job_id}.")
    # The head is read first: a job that it calls ended has no task that could change any more.
    head = Head(*row)
    job = {"job": job_id}
    stored = _stored(connection, head)
    return JobView(
        head,
        _parts(connection, [job_id], stored).get(job_id, []),
        [Failure(*row) for row in connection.execute(sql("job_errors"), {**job, "most": MOST_ERRORS})],
        [Step(*row) for row in connection.execute(sql("job_steps"), job)],
        [RejectedRow(*row) for row in connection.execute(sql("job_rejections"), {**job, "most": MOST_REJECTIONS})],
        _coin_names(connection, head),
    )


def has_ended(connection: Connection, job_id: int) -> bool:
    row = connection.execute(sql("job_has_ended"), {"job": job_id}).fetchone()
    return bool(row and row[0])


def _stored(connection: Connection, head: Head) -> dict[str, int] | None:
    if head.finished_at is None:
        return None
    if head.kind != "all" and head.stored is not None:
        # One source: the job's number is its own, and counted already.
        return {head.kind: head.stored}
    return dict(connection.execute(sql("stored_by_source"), {"job": head.id}).fetchall())


def _coin_names(connection: Connection, head: Head) -> list[str]:
    if head.finished_at is None or head.kind == "all":
        return []
    return [row[0] for row in connection.execute(sql("coin_names_of_job"), {"job": head.id, "most": MOST_COIN_NAMES})]


def _parts(connection: Connection, jobs: Sequence[int], stored: dict[str, int] | None = None) -> dict[int, list[Part]]:
    """The parts of each job; `stored` is the number of coins by source, where known."""
    parts: dict[int, list[Part]] = {}
    for job, source, *rest in connection.execute(sql("job_parts"), {"jobs": list(jobs)}):
        coins = None if stored is None else stored.get(source, 0)
        parts.setdefault(job, []).append(replace(Part(source, *rest), stored=coins))
    return parts
