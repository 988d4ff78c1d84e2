"""GET /metrics: what Prometheus is told of the system, and of what this server is asked."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from db import metrics
from db.pool import Database
from tests.contract import ContractClient
from tests.factories import Factory

MakeClient = Callable[..., ContractClient]
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def _figures(client: ContractClient, **headers: str) -> Figures:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return {
        (sample.name.removeprefix("crypto_quotes_"), frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def test_what_waits_runs_and_comes_later_is_told_by_queue(client: ContractClient, factory: Factory) -> None:
    factory.worker("a")
    client.post("/api/v1/ingest/csv")
    factory.connection.execute("UPDATE tasks SET run_at = now() - interval '90 seconds'")
    factory.connection.execute(
        "INSERT INTO tasks (job_id, kind, source, max_attempts, run_at)"
        " SELECT id, 'normalize', 'csv', 4, now() + interval '1 hour' FROM jobs"
    )
    seen = _figures(client)
    assert seen[_key("tasks_waiting")] == 1
    assert seen[_key("tasks_open", queue="fetch", state="waiting")] == 1
    assert seen[_key("tasks_open", queue="normalize", state="later")] == 1
    assert seen[_key("tasks_open", queue="normalize", state="running")] == 0
    assert 90 <= seen[_key("oldest_waiting_task_age_seconds", queue="fetch")] < 150
    assert seen[_key("jobs_open", state="queued")] == 1
    assert seen[_key("queue_messages", queue="fetch", state="ready")] == 1
    assert seen[_key("workers_alive")] == 1
    assert seen[_key("rate_budget_left_requests", source="coinpaprika")] == 10


def test_an_ended_task_is_counted_once_with_its_rows_and_tries(
    client: ContractClient, factory: Factory, database_url: str
) -> None:
    database = Database(database_url, size=1)
    job = factory.job("coingecko")
    errors = [
        {"at": "2026-03-01T11:00:00+00:00", "attempt": n, "detail": "HTTP 500", "followed": followed}
        for n, followed in enumerate(["retry", "wait", "retry", "failed"])
    ]
    factory.task(job, "coingecko", kind="normalize", rows=10, rejected=2, coins=[1, 2, 3, 3])
    factory.task(job, "coingecko", state="failed", errors=errors)
    try:
        assert metrics.count_ended(database, apart=0)
        assert metrics.count_ended(database, apart=0)
        assert not metrics.count_ended(database)
    finally:
        database.close()
    seen = _figures(client)
    assert seen[_key("tasks_ended_total", kind="normalize", source="coingecko", state="succeeded")] == 1
    assert seen[_key("tasks_ended_total", kind="fetch", source="coingecko", state="failed")] == 1
    assert seen[_key("rows_total", source="coingecko", outcome="stored")] == 3
    assert seen[_key("rows_total", source="coingecko", outcome="rejected")] == 2
    assert seen[_key("rows_total", source="coingecko", outcome="merged")] == 5
    assert seen[_key("task_retries_total", kind="fetch", source="coingecko", reason="retry")] == 2
    assert seen[_key("task_retries_total", kind="fetch", source="coingecko", reason="wait")] == 1
    assert seen[_key("task_duration_seconds_bucket", kind="fetch", le="+Inf")] == 1
    assert seen[_key("task_duration_seconds_count", kind="fetch")] == 1
    assert seen[_key("dead_letters", source="coingecko")] == 1


def test_what_was_counted_outlives_the_tasks(client: ContractClient, factory: Factory, database_url: str) -> None:
    database = Database(database_url, size=1)
    factory.task(factory.job("csv"), "csv", kind="normalize", rows=1, coins=[1])
    try:
        metrics.count_ended(database, apart=0)
        factory.connection.execute("DELETE FROM jobs")
        metrics.count_ended(database, apart=0)
    finally:
        database.close()
    assert _figures(client)[_key("rows_total", source="csv", outcome="stored")] == 1
