"""A task that kills its worker each time ends failed, in sight, and the others go on."""

from __future__ import annotations

import os
import signal
import threading

import psycopg
import pytest

from local import processes
from tests.e2e.conftest import Start
from tests.program import Program
from tests.upstream.server import COINGECKO, Upstream
from tests.waiting import until

pytestmark = pytest.mark.timeout(180)


def kill_whoever_runs(program: Program, job: int, times: int) -> None:
    """Kill -9 each worker process that takes the job's fetch, as if the task had done it."""
    killed: set[int] = set()
    with psycopg.connect(program.database_url, autocommit=True) as connection:

        def found() -> int | None:
            row = connection.execute(
                "SELECT worker FROM tasks WHERE job_id = %s AND state = 'running'", [job]
            ).fetchone()
            pid = int(row[0].rpartition(":")[2]) if row else None
            return pid if pid and pid not in killed and processes.alive(pid) else None

        for _ in range(times):
            pid = until(found, "a worker takes the task", 60)
            assert pid
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)


def test_a_task_that_kills_its_worker_each_time_ends_failed_and_the_others_go_on(start_program: Start) -> None:
    with Upstream() as upstream:
        # It hangs, so that there is something to kill.
        upstream.behave(COINGECKO, "hang", times=None)
        program = start_program(worker_processes=2, **upstream.environ, LEASE="2")
        poison = int(program.post("/api/v1/ingest/coingecko").json()["id"])
        # Fewer tries than the others have, which may be at work in the same process when it dies.
        with psycopg.connect(program.database_url) as connection:
            connection.execute("UPDATE tasks SET max_attempts = 2 WHERE job_id = %s", [poison])
        killer = threading.Thread(target=kill_whoever_runs, args=[program, poison, 2])
        killer.start()
        others = [int(program.post("/api/v1/ingest/csv").json()["id"]) for _ in range(5)]
        ended = program.finished(poison, 90)
        killer.join(10)
        assert ended["state"] == "failed"
        assert ended["error"]["detail"] == "the worker was lost in mid-task"
        assert [error["followed"] for error in ended["errors"]] == ["failed", "lost"]
        assert {program.finished(job)["state"] for job in others} == {"succeeded"}
        assert program.finished(program.post("/api/v1/ingest/csv").json()["id"])["state"] == "succeeded"
        letters = program.get("/api/v1/dead-letters").json()["data"]
        assert [(letter["job_id"], letter["error"]["detail"]) for letter in letters] == [
            (poison, "the worker was lost in mid-task")
        ]
        upstream.orders.clear()
        again = program.post(letters[0]["links"]["retry"]).json()["id"]
        assert program.finished(again)["state"] == "succeeded"
        assert program.get("/api/v1/dead-letters").json()["data"] == []
