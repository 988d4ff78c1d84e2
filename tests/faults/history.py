"""What the ledger and the tables hold after a run, read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.rows import class_row, dict_row

OPEN = ("queued", "running")


@dataclass(frozen=True)
class TaskNote:
    """A task's state from now on, as the ledger has it."""

    seq: int
    task: int
    job: int
    kind: str
    source: str
    was: str | None
    state: str
    attempt: int
    max_attempts: int
    fence: int
    worker: str | None
    run_at: datetime
    writer: str
    tx: str
    at: datetime

    @property
    def claims(self) -> bool:
        """A worker may claim the page that it stores."""
        return self.state == "running" and self.was in (None, "queued")

    @property
    def ends(self) -> bool:
        """Also the task of a page that was known, which is made ended."""
        return self.state not in OPEN and (self.was is None or self.was in OPEN)


@dataclass(frozen=True)
class JobNote:
    seq: int
    job: int
    slot: str | None
    was: str | None
    state: str
    at: datetime


@dataclass(frozen=True)
class Effect:
    """`task` is None for what a merge wrote: its transaction tells whose it was."""

    seq: int
    kind: str
    task: int | None
    fence: int | None
    detail: int | None
    writer: str
    tx: str
    at: datetime


@dataclass
class History:
    """`tasks`, `jobs` and `batches` are the rows as they stand, by id; the rest is the ledger in its order."""

    task_notes: Sequence[TaskNote]
    job_notes: Sequence[JobNote]
    effects: Sequence[Effect]
    tasks: dict[int, dict[str, Any]]
    jobs: dict[int, dict[str, Any]]
    batches: dict[int, dict[str, Any]]
    keys: Sequence[dict[str, Any]]
    notes_of: dict[int, list[TaskNote]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for note in self.task_notes:
            self.notes_of[note.task].append(note)


def read(connection: psycopg.Connection) -> History:
    def rows(query: LiteralString) -> list[dict[str, Any]]:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query).fetchall()

    with connection.cursor(row_factory=class_row(TaskNote)) as of_tasks:
        task_notes = of_tasks.execute(
            "SELECT seq, task, job, kind, source, was, state, attempt, max_attempts, fence, worker, run_at, writer,"
            " tx::text, at FROM ledger.tasks ORDER BY seq"
        ).fetchall()
    with connection.cursor(row_factory=class_row(JobNote)) as of_jobs:
        job_notes = of_jobs.execute("SELECT seq, job, slot, was, state, at FROM ledger.jobs ORDER BY seq").fetchall()
    with connection.cursor(row_factory=class_row(Effect)) as of_effects:
        effects = of_effects.execute(
            "SELECT seq, kind, task, fence, detail, writer, tx::text, at FROM ledger.effects ORDER BY seq"
        ).fetchall()
    return History(
        task_notes,
        job_notes,
        effects,
        {row["id"]: row for row in rows("SELECT * FROM tasks ORDER BY id")},
        {row["id"]: row for row in rows("SELECT * FROM jobs ORDER BY id")},
        {row["id"]: row for row in rows("SELECT id, task_id, number, meta, fetched_at FROM raw_batches ORDER BY id")},
        rows("SELECT key, job_id FROM idempotency_keys"),
    )
