"""Sources held back through the running program: a budget spent, a source that hangs, one that keeps failing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.e2e.conftest import Start
from tests.program import Program
from tests.upstream.server import COINGECKO, COINPAPRIKA, Upstream
from tests.waiting import until


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


def order(program: Program, source: str, how_many: int = 1) -> list[int]:
    return [int(program.post(f"/api/v1/ingest/{source}").json()["id"]) for _ in range(how_many)]


def tasks(program: Program, source: str) -> list[tuple[Any, ...]]:
    """State, attempt, waits, errors and asides of each fetch, in order."""
    with psycopg.connect(program.database_url) as connection:
        return connection.execute(
            "SELECT state, attempt, waits, errors, asides FROM tasks WHERE kind = 'fetch' AND source = %s ORDER BY id",
            [source],
        ).fetchall()


def source_health(program: Program, source: str) -> dict[str, Any]:
    found: dict[str, Any] = program.get("/health").json()["sources"][source]
    return found


def test_four_workers_together_keep_to_one_budget_and_who_waits_costs_nothing(
    start_program: Start, upstream: Upstream
) -> None:
    program = start_program(worker_processes=4, WORKER_THREADS="4", **upstream.environ, COINGECKO_RATE_PER_MINUTE="10")
    jobs = order(program, "coingecko", 30)

    def all_have_asked() -> bool:
        return all(state == "succeeded" or (state == "queued" and asides) for state, _, _, _, asides in rows())

    def rows() -> list[tuple[Any, ...]]:
        return tasks(program, "coingecko")

    until(all_have_asked, "every fetch has got its turn, or has been told to wait")
    assert len(upstream.log) == 10
    waiting = [row for row in rows() if row[0] == "queued"]
    assert [(attempt, waits, errors) for _, attempt, waits, errors, _ in waiting] == [(0, 0, [])] * 20
    assert source_health(program, "coingecko")["budget"] == {"per_minute": 10, "left": 0}
    assert program.job(jobs[-1])["errors"] == []
    # Nobody holds a worker meanwhile.
    assert program.finished(order(program, "csv")[0])["state"] == "succeeded"
    # Those that wait come back at different times, and each job that got its turn has ended.
    assert sum(program.job(job)["state"] == "succeeded" for job in jobs) <= 10


def test_one_sources_failure_never_blocks_another(start_program: Start, upstream: Upstream) -> None:
    """Both APIs hang in one process of eight threads, with twenty fetches of each in the queue."""
    for path in (COINGECKO, COINPAPRIKA):
        upstream.behave(path, "hang", times=None)
    program = start_program(**upstream.environ)
    for source in ("coingecko", "coinpaprika"):
        order(program, source, 20)
    until(lambda: len(upstream.log) >= 4, "both have their share of the threads")
    for _ in range(3):
        assert program.finished(order(program, "csv")[0], 20)["state"] == "succeeded"
    # Of eight threads a source has two, and csv as many.
    assert len(upstream.log) == 4


def test_who_waits_for_a_slow_source_is_done_in_the_end(start_program: Start, upstream: Upstream) -> None:
    upstream.behave(COINGECKO, "hang", seconds=0.2, times=None)
    program = start_program(**upstream.environ)
    for job in order(program, "coingecko", 12):
        assert program.finished(job)["state"] == "succeeded"
    assert len(upstream.log) == 12


def test_a_source_that_keeps_failing_rests_and_is_tried_again_by_itself(
    start_program: Start, upstream: Upstream
) -> None:
    program = start_program(
        **upstream.environ, RETRY_BASE_DELAY="0.01", BREAKER_FAILURES="1", BREAKER_REST="4", HTTP_TIMEOUT="5"
    )
    upstream.behave(COINGECKO, status=429, times=4)
    first = program.finished(order(program, "coingecko")[0])
    # The job that meets the trouble ends by its own retries, in the source's words.
    assert (first["state"], first["error"]["detail"]) == ("failed", "Rate limit exceeded")
    assert len(first["errors"]) == len(upstream.log) == 4
    until(lambda: source_health(program, "coingecko")["resting_until"], "the source rests")
    later = order(program, "coingecko", 3)
    until(lambda: all(row[4] for row in tasks(program, "coingecko")[1:]), "the later ones are set aside")
    assert len(upstream.log) == 4
    assert program.finished(order(program, "coinpaprika")[0])["state"] == "succeeded"
    for job in later:
        ended = program.finished(job)
        assert (ended["state"], ended["errors"], ended["attempts"]) == ("succeeded", [], 1)
    assert source_health(program, "coingecko")["resting_until"] is None


def test_after_a_rest_one_tries_and_a_failure_begins_the_rest_anew(start_program: Start, upstream: Upstream) -> None:
    program = start_program(
        **upstream.environ, RETRY_MAX="0", BREAKER_FAILURES="1", BREAKER_REST="1", BREAKER_REST_MAX="1"
    )
    upstream.behave(COINGECKO, status=500, times=3)
    order(program, "coingecko")
    until(lambda: source_health(program, "coingecko")["resting_until"], "the source rests")
    ended = [program.finished(job)["state"] for job in order(program, "coingecko", 4)]
    # One at a time: the first two that try meet the trouble, the next one ends the rest for all.
    assert sorted(ended) == ["failed", "failed", "succeeded", "succeeded"]
    assert len(upstream.log) == 5
    tried = sorted(seen.at for seen in upstream.log)
    assert tried[1] - tried[0] > 0.9
    assert tried[2] - tried[1] > 0.9
