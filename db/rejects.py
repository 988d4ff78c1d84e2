"""The rows of a job that were not stored: page by page, or all of them one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from db.jobs import NoSuchJob
from db.jobviews import RejectedRow
from db.pool import Connection, Database
from db.queries import sql

_AT_ONCE = 1_000


def page_of_rejects(connection: Connection, job_id: int, *, page: int, page_size: int) -> str:
    """A page in the list's envelope, as JSON, in the order the rows came. Raises NoSuchJob."""
    must_exist(connection, job_id)
    values = {"job": job_id, "page": page, "page_size": page_size, "offset": (page - 1) * page_size}
    row = connection.execute(sql("page_of_rejects"), values).fetchone()
    return str(row[0]) if row else "null"


def all_rejects(database: Database, job_id: int) -> Iterator[RejectedRow]:
    """Every row in the order they came, read bite by bite."""
    task = row = -1
    while True:
        with database.connection() as connection:
            bite = connection.execute(
                sql("next_rejects"), {"job": job_id, "task": task, "row": row, "most": _AT_ONCE}
            ).fetchall()
        for *values, task_id in bite:
            rejected = RejectedRow(*values)
            task, row = task_id, rejected.row
            yield rejected
        if len(bite) < _AT_ONCE:
            return


def must_exist(connection: Connection, job_id: int) -> None:
    """Raise NoSuchJob when there is none of that id."""
    if connection.execute(sql("job_has_ended"), {"job": job_id}).fetchone() is None:
        raise NoSuchJob(f"There is no job {job_id}.")
