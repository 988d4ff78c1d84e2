"""/metrics of the running program: whichever process answers, and whatever dies, the figures are the same."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.e2e.conftest import Start
from tests.exposition import Exposition
from tests.program import Program
from tests.waiting import until

_COUNT = "http_request_duration_seconds_count"
_JOBS = "/api/v1/jobs/{job_id}"


def _figures(program: Program) -> Exposition:
    # A connection of its own, so that any process may answer.
    answer = requests.get(f"{program.url}/metrics", timeout=60, headers={"Connection": "close"})
    answer.raise_for_status()
    return Exposition(answer.text)


def _becomes(program: Program, said: Callable[[Exposition], bool], what: str) -> Exposition:
    def look() -> Exposition | None:
        try:
            seen = _figures(program)
        except requests.RequestException:
            return None
        return seen if said(seen) else None

    found = until(look, what, 60)
    assert found
    return found


def _ask(program: Program, times: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(requests.get, f"{program.url}/api/v1/jobs/1", timeout=60, headers={"Connection": "close"})
            for _ in range(times)
        ]
    assert {each.result().status_code for each in asked} == {200}


def test_the_figures_are_right_over_processes_and_outlive_them(start_program: Start) -> None:
    program = start_program(web_processes=2, worker_processes=2, WEB_THREADS="4")
    job = program.post("/api/v1/ingest/csv").json()["id"]
    assert program.finished(job)["state"] == "succeeded"

    counted = _becomes(program, lambda seen: seen.total("jobs_ended_total", state="succeeded") == 1, "the job counted")
    assert counted.value("tasks_ended_total", kind="fetch", source="csv", state="succeeded") == 1
    stored = counted.value("rows_total", source="csv", outcome="stored")
    assert stored == program.get("/api/v1/data").json()["total"] == counted.value("coins")
    assert counted.value("task_duration_seconds_count", kind="normalize") >= 1
    assert counted.value("tasks_waiting") == 0

    before = _figures(program).total(_COUNT, route=_JOBS)
    _ask(program, 40)
    assert {_figures(program).total(_COUNT, route=_JOBS) for _ in range(8)} == {before + 40}
    # Both processes are in the sum: each may have one connection a thread and one more.
    _becomes(program, lambda seen: seen.value("pool_connections", state="limit") == 10, "both tell of their pools")

    program.kill_web_child()
    program.kill_worker_child()
    _becomes(program, lambda seen: seen.value("pool_connections", state="limit") == 10, "the dead process is replaced")
    seen = _figures(program)
    assert seen.total(_COUNT, route=_JOBS) == before + 40
    assert seen.value("rows_total", source="csv", outcome="stored") == stored
