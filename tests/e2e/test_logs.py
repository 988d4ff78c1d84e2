"""From a request's line in web to its tasks' lines in the workers: the ids that lead from one to the other."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

from tests.e2e.conftest import Start
from tests.program import Program
from tests.waiting import until

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def _lines(program: Program, speaker: str) -> list[dict[str, Any]]:
    said = [line.partition("| ") for line in program.said.splitlines()]
    return [json.loads(text) for name, _, text in said if name.strip() == speaker]


def test_for_machines_every_line_is_an_object_from_the_first_to_the_last(start_program: Start) -> None:
    program = start_program(LOG_FORMAT="json", worker_processes=2)
    program.kill_web_child()
    first = program.master("worker")
    program.kill_worker_child()
    until(lambda: program.master("worker") != first, "the worker was started again")
    program.wait_until_ready()
    before = program.children("worker")
    for name in ("web", "worker"):
        os.kill(program.master(name), signal.SIGHUP)
    until(lambda: not {*before} & {*program.children("worker")}, "Dramatiq has begun anew")
    program.wait_until_ready()
    program.signal_group("web", signal.SIGTERM)
    until(lambda: "Shutting down: Master" in program.said, "gunicorn has said its last")
    web = [line["message"] for line in _lines(program, "web")]
    assert any(message.startswith("Starting gunicorn") for message in web)
    assert any("exited unexpectedly" in line["message"] for line in _lines(program, "worker"))


def test_a_request_its_job_and_its_tasks_can_be_followed_through_the_lines(start_program: Start) -> None:
    program = start_program(LOG_FORMAT="json")
    answer = program.post("/api/v1/ingest/csv", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
    job = answer.json()["id"]
    assert program.finished(job)["state"] == "succeeded"

    asked = [line for line in _lines(program, "web") if line.get("trace_id") == TRACE]
    assert [line["request"] for line in asked] == [answer.headers["X-Request-ID"]]
    assert asked[0]["span_id"] != SPAN

    def done() -> list[dict[str, Any]]:
        found = [line for line in _lines(program, "worker") if line.get("job") == job and "done" in line["message"]]
        return found if len(found) >= 2 else []

    lines = until(done, "both tasks have said that they are done")
    assert {line["trace_id"] for line in lines} == {TRACE}
    assert len({line["task"] for line in lines}) == 2
    assert len({line["span_id"] for line in lines}) == 2
    # A job that nobody's trace asked for has one of its own.
    other = program.post("/api/v1/ingest/csv").json()["id"]
    program.finished(other)
    own = {line["trace_id"] for line in _lines(program, "worker") if line.get("job") == other}
    assert len(own) == 1
    assert TRACE not in own
