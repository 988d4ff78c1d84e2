"""Putting an ingest on record, of a source or of a file here, as POST /api/v1/ingest does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cli.jobs import accepted
from cli.program import WHO, Program
from core.errors import GiveUp
from core.sources.csv import CSV, inspect
from db import jobs
from db.jobs import Submitted, TaskOrder
from db.orders import orders_of
from db.pool import Connection
from db.uploads import store_upload

_PIECE = 1024 * 1024


def ingest(program: Program, kind: str, *, limit: int | None, file: Path | None, wait: bool, as_json: bool) -> None:
    """Raises GiveUp for a file that isn't one of quotes or is too large."""
    made = _submit_file(program, file) if file else _submit(program, kind, limit)
    accepted(program, made.job_id, made.doorbells, wait=wait, as_json=as_json)


def _submit(program: Program, kind: str, limit: int | None) -> Submitted:
    with program.database.transaction() as connection:
        return _on_record(program, connection, kind, orders_of(kind, program.settings, limit))


def _submit_file(program: Program, path: Path) -> Submitted:
    most = program.settings.max_upload_bytes
    if path.stat().st_size > most:
        raise GiveUp(f"{path.name} is larger than {most} bytes (MAX_UPLOAD_BYTES).")
    with path.open("rb") as file:
        # A file that can't be read is refused before anything is stored.
        inspect(file)
        file.seek(0)
        with program.database.transaction() as connection:
            number = store_upload(connection, path.name, _pieces(file))
            return _on_record(program, connection, CSV.name, [TaskOrder(CSV.name, {"upload": number, "columns": {}})])


def _on_record(program: Program, connection: Connection, kind: str, orders: list[TaskOrder]) -> Submitted:
    return jobs.submit(
        connection, kind=kind, orders=orders, max_attempts=program.settings.retry_max + 1, requested_by=WHO
    )


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece
