"""Jobs as a client sees them: read together from the job, its tasks and its rejected rows. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.models import JsonObject
from db.jobs import NoSuchJob
from db.pool import Connection
from db.queries import sql

MOST_REJECTIONS = 20
MOST_ERRORS = 100
MOST_REASONS = 50
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
    """One source's share of a job: its tasks by state, what came of them, and the last failure's message.

    `pages_known` is how many pages at its file's beginning had come before and were not merged again. `stored` is the
    number of distinct coins, known when the job has ended (in a list, only for a job of one source).
    """

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
    pages_known: int = 0
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
    """A job in full; in a list, its head and parts alone. `coins` are names, when they were asked for; `reasons`
    say for how many rows of a job that has ended each was the reason not to be stored.
    """

    head: Head
    parts: Sequence[Part]
    failures: Sequence[Failure] = ()
    steps: Sequence[Step] = ()
    rejections: Sequence[RejectedRow] = ()
    coins: Sequence[str] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)


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
    parts = _parts(connection, heads)
    return [JobView(head, parts.get(head.id, [])) for head in heads], int(counted[0]) if counted else 0


def some_jobs(connection: Connection, job_ids: Sequence[int]) -> list[JobView]:
    """These jobs as in a list, the newest first; one that is gone is left out."""
    heads = [Head(*row) for row in connection.execute(sql("job_heads_by_id"), {"jobs": list(job_ids)})]
    parts = _parts(connection, heads)
    return [JobView(head, parts.get(head.id, [])) for head in heads]


def one_job(connection: Connection, job_id: int, *, with_coins: bool = False) -> JobView:
    """A job in full; the names of its coins on demand, since they take long for a large job. Raises NoSuchJob."""
    row = connection.execute(sql("job_head"), {"job": job_id}).fetchone()
    if row is None:
        raise NoSuchJob(f"There is no job {job_id}.")
    # The head is read first: a job that it calls ended has no task that could change any more.
    head = Head(*row)
    job = {"job": job_id}
    parts = _parts(connection, [head]).get(job_id, [])
    if head.started_at is None and head.finished_at is None:
        return JobView(head, parts)
    return JobView(
        head,
        _with_stored(connection, head, parts),
        [Failure(*row) for row in connection.execute(sql("job_errors"), {**job, "most": MOST_ERRORS})],
        [Step(*row) for row in connection.execute(sql("job_steps"), job)],
        [RejectedRow(*row) for row in connection.execute(sql("job_rejections"), {**job, "most": MOST_REJECTIONS})],
        _coin_names(connection, job_id) if with_coins else (),
        _reasons(connection, job_id) if head.finished_at and any(part.rejected for part in parts) else {},
    )


def _reasons(connection: Connection, job_id: int) -> dict[str, int]:
    return dict(connection.execute(sql("rejects_by_reason"), {"job": job_id, "most": MOST_REASONS}).fetchall())


def has_ended(connection: Connection, job_id: int) -> bool:
    row = connection.execute(sql("job_has_ended"), {"job": job_id}).fetchone()
    return bool(row and row[0])


def _with_stored(connection: Connection, head: Head, parts: Sequence[Part]) -> Sequence[Part]:
    """The parts of a job that has ended with their number of coins, which for a large job takes a while to count."""
    if head.finished_at is None or len(parts) == 1:
        return parts
    stored: dict[str, int] = dict(connection.execute(sql("stored_by_source"), {"job": head.id}).fetchall())
    return [replace(part, stored=stored.get(part.source, 0)) for part in parts]


def _coin_names(connection: Connection, job_id: int) -> list[str]:
    return [row[0] for row in connection.execute(sql("coin_names_of_job"), {"job": job_id, "most": MOST_COIN_NAMES})]


def _parts(connection: Connection, heads: Sequence[Head]) -> dict[int, list[Part]]:
    """The parts of each job. Of a job with one source, the number of coins is the part's own."""
    parts: dict[int, list[Part]] = {}
    for job, *values in connection.execute(sql("job_parts"), {"jobs": [head.id for head in heads]}):
        parts.setdefault(job, []).append(Part(*values))
    for head in heads:
        if len(mine := parts.get(head.id, [])) == 1:
            parts[head.id] = [replace(mine[0], stored=head.stored)]
    return parts
