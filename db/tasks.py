"""A task's life between claim and end. Every effect goes through `holding`, which fences late workers off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from psycopg.types.json import Jsonb

from core.errors import NotYet
from core.models import JsonObject, Page, Parsed, Rejection
from db import known
from db.jobs import Doorbell, insert_task, settle
from db.pool import Connection, Database
from db.queries import sql


class LostTask(Exception):
    """The task is no longer ours: its lease ran out, or it was handed back. Nothing may be written for it."""


class CancelledTask(Exception):
    """The task's job was cancelled; the task is ended, nothing else may be written for it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A task that is ours until the lease runs out. `fence` is the number of this claim.

    `traceparent` is the trace of who asked for its job, if that is known.
    """

    task_id: int
    job_id: int
    kind: str
    source: str
    params: JsonObject
    cursor: JsonObject
    batch_id: int | None
    attempt: int
    max_attempts: int
    waits: int
    fence: int
    traceparent: str | None = None

    @property
    def doorbell(self) -> Doorbell:
        """What would ring for it."""
        return Doorbell(self.task_id, self.kind, self.source)


@dataclass(frozen=True, slots=True)
class RawBatch:
    """A page as it came, to be normalized. `fetched_at` is the time for quotes whose source gave none.

    `fetch` is the task that fetched it, `epoch` that of the data when it was read here.
    """

    body: bytes
    meta: JsonObject
    fetched_at: datetime
    fetch: int
    digest: bytes | None
    epoch: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a page: how many rows it had, which were not stored, and what its reader chose.

    With a digest, the same page is not merged again as long as the data's epoch lasts.
    """

    rows: int
    rejections: Sequence[Rejection]
    notes: JsonObject
    digest: bytes | None = None
    epoch: int | None = None

    @classmethod
    def of(cls, parsed: Parsed, batch: RawBatch | None = None) -> Outcome:
        if batch is None or batch.digest is None or not parsed.lasting:
            return cls(parsed.rows, parsed.rejections, parsed.notes)
        return cls(parsed.rows, parsed.rejections, parsed.notes, batch.digest, batch.epoch)


def claim(database: Database, task_id: int, *, worker: str, lease: float) -> Claim | None:
    """Take a task; None when there is nothing to do: taken, ended, not due yet, or its job is to be cancelled."""
    return next(iter(claim_pages(database, task_id, worker=worker, lease=lease, most=1)), None)


def claim_pages(database: Database, task_id: int, *, worker: str, lease: float, most: int) -> Sequence[Claim]:
    """Take a task, or, when it is about a page, up to `most` pages of its job, the newest, in the order they came.

    Empty when there is nothing to do, or when this worker is at other pages of the job: it will ask again.
    """
    with database.connection() as connection:
        rows = connection.execute(
            sql("claim_tasks"), {"task": task_id, "worker": worker, "lease": lease, "most": most}
        ).fetchall()
    return [Claim(*row) for row in rows]


@contextmanager
def holding(database: Database, *claims: Claim) -> Iterator[Connection]:
    """A transaction for effects of claimed tasks of one job, with their rows locked and their fences checked.

    Raises LostTask when one is no longer ours, CancelledTask (after ending them) when the job is to be cancelled.
    """
    ids = [claimed.task_id for claimed in claims]
    with database.transaction() as connection:
        held = connection.execute(
            sql("lock_tasks"), {"tasks": ids, "fences": [claimed.fence for claimed in claims]}
        ).fetchall()
        if len(held) < len(claims):
            raise LostTask
        cancelled = bool(held[0][0])
        if cancelled:
            connection.execute(sql("cancel_running_tasks"), {"tasks": ids})
            connection.execute(sql("cancel_queued_tasks"), {"job": claims[0].job_id})
            settle(connection, claims[0].job_id)
        else:
            yield connection
    if cancelled:
        raise CancelledTask


def store_pages(connection: Connection, claimed: Claim, pages: Sequence[Page], *, lease: float) -> list[Doorbell]:
    """Keep fetched pages, put their normalize tasks on record, and move on; the fetch ends with its last page.

    Pages that are known have no doorbell: their tasks are ended already.
    """
    batches = {page.number: _keep(connection, claimed, page) for page in pages}
    new = [page for page in pages if not known.take_over(connection, claimed.task_id, page, batches[page.number])]
    if pages[-1].last:
        _end_fetch(connection, claimed, goes_on=bool(new))
    else:
        advance(connection, claimed, pages[-1].cursor, lease=lease)
    return [_page_task(connection, claimed, batches[page.number]) for page in new]


def store_and_claim(
    connection: Connection, claimed: Claim, page: Page, *, worker: str, lease: float
) -> Claim | Doorbell | None:
    """The same for a page that is the only one, whose task is claimed at once by the worker that has it at hand.

    A doorbell instead when the job is to be cancelled; None when the page is known.
    """
    batch = _keep(connection, claimed, page)
    if known.take_over(connection, claimed.task_id, page, batch):
        _end_fetch(connection, claimed, goes_on=False)
        return None
    _end_fetch(connection, claimed, goes_on=True)
    row = connection.execute(
        sql("insert_claimed_page"),
        {
            "job": claimed.job_id,
            "source": claimed.source,
            "batch": batch,
            "max_attempts": claimed.max_attempts,
            "worker": worker,
            "lease": lease,
        },
    ).fetchone()
    if row is None:
        return _page_task(connection, claimed, batch)
    return replace(
        claimed, task_id=row[0], kind="normalize", params={}, cursor={}, batch_id=batch, attempt=1, waits=0, fence=1
    )


def _keep(connection: Connection, claimed: Claim, page: Page) -> int:
    upload = claimed.params.get("upload") if page.body and page.at is not None else None
    row = connection.execute(
        sql("insert_raw_batch"),
        {
            "task": claimed.task_id,
            "number": page.number,
            "body": page.body if upload is None else None,
            "meta": Jsonb(page.meta),
            "upload": upload,
            "from": page.at,
            "bytes": len(page.body),
            "digest": page.digest,
        },
    ).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


def _page_task(connection: Connection, claimed: Claim, batch: int) -> Doorbell:
    return insert_task(
        connection,
        claimed.job_id,
        kind="normalize",
        source=claimed.source,
        batch=batch,
        max_attempts=claimed.max_attempts,
    )


def _end_fetch(connection: Connection, claimed: Claim, *, goes_on: bool) -> None:
    """`goes_on`: a page that is about to have a task keeps the job from ending."""
    _succeed(connection, claimed, Outcome(0, (), {}))
    if not goes_on:
        settle(connection, claimed.job_id)


def advance(connection: Connection, claimed: Claim, cursor: JsonObject, *, lease: float) -> None:
    """A step is done: after a crash the task goes on from `cursor`, and tries count anew."""
    connection.execute(sql("advance_task"), {"task": claimed.task_id, "cursor": Jsonb(cursor), "lease": lease})


def attempt_now(connection: Connection, claimed: Claim) -> int:
    """The tries of a task since its last progress, which may lie after the claim."""
    row = connection.execute(sql("attempt_of_task"), {"task": claimed.task_id}).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


def load_batch(connection: Connection, batch_id: int | None) -> RawBatch | None:
    """The page that a normalize task is about; None when it was pruned."""
    row = connection.execute(sql("load_raw_batch"), {"batch": batch_id}, binary=True).fetchone()
    return None if row is None or row[0] is None else RawBatch(*row)


def succeed(
    connection: Connection,
    claimed: Claim,
    parsed: Parsed | None = None,
    coins: Sequence[int] = (),
    *,
    rows: int = 0,
    notes: JsonObject | None = None,
) -> bool:
    """End the task well, with what came of it: the rows read and the coins' keys in the order they came.

    `rows` and `notes` are for a task that parsed nothing. Whether that ended the job.
    """
    outcome = Outcome.of(parsed) if parsed else Outcome(rows, (), notes or {})
    return succeed_all(connection, [claimed], [outcome], [coins])


def succeed_all(
    connection: Connection, claims: Sequence[Claim], outcomes: Sequence[Outcome], coins: Sequence[Sequence[int]]
) -> bool:
    """The same for several tasks of one job, each with its outcome and its coins."""
    for claimed, outcome, keys in zip(claims, outcomes, coins, strict=True):
        _succeed(connection, claimed, outcome, keys)
    return settle(connection, claims[0].job_id)


def _succeed(connection: Connection, claimed: Claim, outcome: Outcome, coins: Sequence[int] = ()) -> None:
    if outcome.rejections:
        with connection.cursor() as cursor:
            cursor.executemany(
                sql("insert_rejection"),
                [{"task": claimed.task_id, "row": r.row, "reason": r.reason, "raw": r.raw} for r in outcome.rejections],
            )
    connection.execute(
        sql("succeed_task"),
        {
            "task": claimed.task_id,
            "rows": outcome.rows,
            "rejected": len(outcome.rejections),
            "coins": list(coins),
            "notes": Jsonb(outcome.notes),
            "digest": outcome.digest,
            "epoch": outcome.epoch,
        },
    )


def postpone(connection: Connection, claimed: Claim, detail: str, *, delay: float, asked_for: bool) -> None:
    """Queue the task again, due in `delay` seconds; a wait that the upstream asked for costs no attempt."""
    connection.execute(
        sql("postpone_task"),
        {
            "task": claimed.task_id,
            "detail": detail,
            "delay": delay,
            "given_back": int(asked_for),
            "followed": "wait" if asked_for else "retry",
        },
    )


def set_aside(connection: Connection, claimed: Claim, reason: NotYet) -> None:
    """Queue the task again as if it had not been claimed, due when its reason says; its errors don't tell of it."""
    connection.execute(
        sql("set_task_aside"),
        {
            "task": claimed.task_id,
            "source": claimed.source,
            "delay": reason.seconds,
            "at_a_time": reason.at_a_time,
            "apart": reason.apart,
        },
    )


def fail(connection: Connection, claimed: Claim, detail: str) -> None:
    """End the task as failed, with the reason."""
    connection.execute(sql("fail_task"), {"task": claimed.task_id, "detail": detail})
    settle(connection, claimed.job_id)
