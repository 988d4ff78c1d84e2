"""Sending the program work and seeing it end, with as little of the machine as that takes."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench.contenders import Bad
from tests.program import Program

_BOUNDARY = "crypto-quotes-bench"
_BLOCK = 1 << 20
_ENDED = ("succeeded", "partial_success", "failed", "cancelled")


def post(program: Program, path: str) -> int:
    """Post without a body; the job's id. Raises Bad."""
    return _job_of(_send(program, path, {}, None))


def upload(program: Program, file: Path) -> int:
    """Post a CSV file, streamed from the disk; the job's id. Raises Bad."""
    head = (
        f"--{_BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{file.name}"\r\nContent-Type: text/csv\r\n\r\n'
    ).encode()
    tail = f"\r\n--{_BOUNDARY}--\r\n".encode()
    headers = {
        "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        "Content-Length": str(len(head) + file.stat().st_size + len(tail)),
    }

    def body() -> Iterator[bytes]:
        yield head
        with file.open("rb") as opened:
            yield from iter(lambda: opened.read(_BLOCK), b"")
        yield tail

    return _job_of(_send(program, "/api/v1/ingest/csv", headers, body()))


def until_ended(database_url: str, job: int, *, every: float = 0.02, longest: float = 900.0) -> float:
    """The moment (time.perf_counter) at which the job's success was seen in the database. Raises Bad."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        return seen_ended(connection, job, every=every, longest=longest)


def seen_ended(connection: psycopg.Connection, job: int, *, every: float, longest: float = 900.0) -> float:
    """The same over a connection that is there already: a new one costs the server as much as a small job."""
    deadline = time.monotonic() + longest
    while time.monotonic() < deadline:
        row = connection.execute("SELECT state FROM jobs WHERE id = %s", [job]).fetchone()
        seen = time.perf_counter()
        if row and row[0] in _ENDED:
            if row[0] != "succeeded":
                raise Bad(f"job {job} ended {row[0]}")
            return seen
        time.sleep(every)
    raise Bad(f"job {job} did not end within {longest:g} s")


def _send(program: Program, path: str, headers: dict[str, str], body: Any) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(program.url).port, timeout=600)
    try:
        connection.request("POST", path, body=body, headers=headers)
        answer = connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
        if answer.status != 202:
            raise Bad(f"POST {path} was answered {answer.status}: {told}")
        return told
    finally:
        connection.close()


def _job_of(told: dict[str, Any]) -> int:
    return int(told["id"])
