"""Accepting, cancelling, retrying and settling jobs. Tasks are always locked before their job, so nothing deadlocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from psycopg.types.json import Jsonb

from core import trace
from core.errors import ProjectError
from core.models import JsonObject
from db.pool import Connection, Database
from db.queries import sql


class KeyReused(ProjectError):
    """The Idempotency-Key was used before, for another request."""


class NoSuchJob(ProjectError):
    """There is no job of that id."""


class NotRetryable(ProjectError):
    """The job has not ended, or nothing of it failed."""


@dataclass(frozen=True, slots=True)
class TaskOrder:
    """A fetch that a client asks for: `params` holds `limit`, `upload` and `columns`, as far as given."""

    source: str
    params: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Doorbell:
    """What a message says: this task is worth a look."""

    task_id: int
    kind: str
    source: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job that is on record, and the bells to ring once that is committed."""

    job_id: int
    doorbells: tuple[Doorbell, ...] = ()
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """An ended task that is to be done again: what was asked, from where it goes on, which page it is about."""

    task_id: int
    kind: str
    source: str
    params: JsonObject
    cursor: JsonObject
    batch_id: int | None
    max_attempts: int


@dataclass(frozen=True, slots=True)
class Idempotency:
    """Who sent which Idempotency-Key with what request."""

    principal: str
    key: str
    request_hash: str


def submit(
    connection: Connection,
    *,
    kind: str,
    orders: Sequence[TaskOrder],
    max_attempts: int,
    requested_by: str,
    idempotency: Idempotency | None = None,
) -> Submitted:
    """Put a job and a fetch task an order on record, within the caller's transaction.

    Raises KeyReused. A key that was used for the same request gives the job that it made, `replayed`.
    """

    def make() -> Submitted:
        job = insert_job(connection, kind=kind, requested_by=requested_by)
        assert job is not None  # noqa: S101  only a slot can be taken
        return Submitted(job, insert_fetches(connection, job, orders, max_attempts))

    return once(connection, idempotency, make)


def once(connection: Connection, idempotency: Idempotency | None, make: Callable[[], Submitted]) -> Submitted:
    """What `make` makes, or, `replayed`, the job that the same request under the same key was answered with before.

    Raises KeyReused. Requests with one key stand in line until the first has committed, or was rolled back and is none.
    """
    if idempotency and (earlier := _earlier_job(connection, idempotency)):
        return Submitted(earlier, replayed=True)
    made = make()
    if idempotency:
        connection.execute(
            sql("insert_idempotency_key"),
            {
                "principal": idempotency.principal,
                "key": idempotency.key,
                "request_hash": idempotency.request_hash,
                "job": made.job_id,
            },
        )
    return made


def _earlier_job(connection: Connection, idempotency: Idempotency) -> int | None:
    who = {"principal": idempotency.principal, "key": idempotency.key}
    connection.execute(sql("lock_idempotency_key"), who)
    found = connection.execute(sql("find_idempotency_key"), who).fetchone()
    if not found:
        return None
    if found[0] != idempotency.request_hash:
        raise KeyReused("This Idempotency-Key was used before, for another request; choose a new one.")
    return int(found[1])


def insert_job(
    connection: Connection, *, kind: str, requested_by: str, slot: str | None = None, retry_of: int | None = None
) -> int | None:
    """A job without tasks yet, of the running trace; None when its slot already has its job."""
    row = connection.execute(
        sql("insert_job"),
        {
            "kind": kind,
            "slot": slot,
            "retry_of": retry_of,
            "requested_by": requested_by,
            "traceparent": trace.header(),
        },
    ).fetchone()
    return None if row is None else int(row[0])


def insert_fetches(
    connection: Connection, job: int, orders: Sequence[TaskOrder], max_attempts: int
) -> tuple[Doorbell, ...]:
    return tuple(
        insert_task(connection, job, kind="fetch", source=order.source, params=order.params, max_attempts=max_attempts)
        for order in orders
    )


def insert_task(
    connection: Connection,
    job: int,
    *,
    kind: str,
    source: str,
    max_attempts: int,
    params: JsonObject | None = None,
    cursor: JsonObject | None = None,
    batch: int | None = None,
) -> Doorbell:
    row = connection.execute(
        sql("insert_task"),
        {
            "job": job,
            "kind": kind,
            "source": source,
            "params": Jsonb(params or {}),
            "cursor": Jsonb(cursor or {}),
            "batch": batch,
            "max_attempts": max_attempts,
        },
    ).fetchone()
    assert row is not None  # noqa: S101
    return Doorbell(row[0], kind, source)


def retry(connection: Connection, job_id: int, *, requested_by: str) -> Submitted:
    """Make a new job of the parts of an ended one that failed or were cancelled, each from where it stopped.

    The old job stays as it ended. Raises NoSuchJob, NotRetryable.
    """
    parts = connection.execute(sql("retryable_parts"), {"job": job_id}).fetchall()
    if not parts:
        raise NoSuchJob(f"There is no job {job_id}.")
    job_kind, ended = parts[0][:2]
    if not ended:
        raise NotRetryable(f"Job {job_id} has not ended; cancel it first, or wait.")
    if parts[0][2] is None:
        raise NotRetryable(f"Nothing of job {job_id} failed.")
    again = [Part(*part[2:]) for part in parts]
    return run_again(connection, again, kind=job_kind, requested_by=requested_by, retry_of=job_id)


def run_again(
    connection: Connection, parts: Sequence[Part], *, kind: str, requested_by: str, retry_of: int | None
) -> Submitted:
    """A new job that does these ended tasks again, each from where it stopped; they are marked as run again by it."""
    job = insert_job(connection, kind=kind, requested_by=requested_by, retry_of=retry_of)
    assert job is not None  # noqa: S101  only a slot can be taken
    connection.execute(sql("mark_retried"), {"job": job, "tasks": [part.task_id for part in parts]})
    bells = [
        insert_task(
            connection,
            job,
            kind=part.kind,
            source=part.source,
            params=part.params,
            cursor=part.cursor,
            batch=part.batch_id,
            max_attempts=part.max_attempts,
        )
        for part in parts
    ]
    return Submitted(job, tuple(bells))


def cancel(database: Database, job_id: int, idempotency: Idempotency | None = None) -> Submitted:
    """Stop a job: what is queued ends at once, what runs at its next transaction. An ended job is left as it is.

    Raises NoSuchJob and KeyReused. The wish is committed first, so that a crash in between leaves work for
    `finish_cancels` only.
    """

    def wish() -> Submitted:
        if connection.execute(sql("request_cancel"), {"job": job_id}).fetchone() is None:
            raise NoSuchJob(f"There is no job {job_id}.")
        return Submitted(job_id)

    with database.transaction() as connection:
        wished = once(connection, idempotency, wish)
    with database.transaction() as connection:
        connection.execute(sql("cancel_queued_tasks"), {"job": job_id})
        settle(connection, job_id)
    return wished


def finish_cancels(database: Database) -> None:
    """End the queued tasks of every job that is to be cancelled; tasks may have been added since the cancel."""
    with database.connection() as connection:
        jobs = connection.execute(sql("jobs_being_cancelled")).fetchall()
    for (job,) in jobs:
        with database.transaction() as connection:
            connection.execute(sql("cancel_queued_tasks"), {"job": job})
            settle(connection, job)


def settle(connection: Connection, job_id: int) -> bool:
    """Compute the job's state when its last task has ended; the caller's transaction has ended one of them.

    Whether it was the last.
    """
    # Two statements, not one: the count's snapshot must be taken after the lock was.
    connection.execute(sql("lock_job"), {"job": job_id})
    return connection.execute(sql("settle_job"), {"job": job_id}).rowcount > 0
