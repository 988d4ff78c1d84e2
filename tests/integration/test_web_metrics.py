"""GET /metrics: what Prometheus is told of the system, and of what this server is asked."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient

from db import metrics
from db.pool import Database
from tests.contract import ContractClient
from tests.exposition import Exposition
from tests.factories import Factory

MakeClient = Callable[..., ContractClient]


def _figures(client: ContractClient) -> Exposition:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return Exposition(answer.text)


def test_what_waits_runs_and_comes_later_is_told_by_queue(client: ContractClient, factory: Factory) -> None:
    factory.worker("a")
    client.post("/api/v1/ingest/csv")
    factory.connection.execute("UPDATE tasks SET run_at = now() - interval '90 seconds'")
    factory.connection.execute(
        "INSERT INTO tasks (job_id, kind, source, max_attempts, run_at)"
        " SELECT id, 'normalize', 'csv', 4, now() + interval '1 hour' FROM jobs"
    )
    seen = _figures(client)
    assert seen.value("tasks_waiting") == 1
    assert seen.value("tasks_open", queue="fetch", state="waiting") == 1
    assert seen.value("tasks_open", queue="normalize", state="later") == 1
    assert seen.value("tasks_open", queue="normalize", state="running") == 0
    assert 90 <= seen.value("oldest_waiting_task_age_seconds", queue="fetch") < 150
    assert seen.value("jobs_open", state="queued") == 1
    assert seen.value("queue_messages", queue="fetch", state="ready") == 1
    assert seen.value("workers_alive") == 1
    assert seen.value("rate_budget_left_requests", source="coinpaprika") == 10


def test_requests_are_counted_by_route_also_those_answered_around_the_views(
    client: ContractClient, factory: Factory
) -> None:
    factory.coin("btc")
    for path in ("/api/v1/coins/btc", "/api/v1/coins/btc", "/api/v1/coins/nothing", "/nowhere", "/else/where"):
        client.get(path)
    client.post("/api/v1/jobs/999999999/cancel")
    seen = _figures(client)
    count = "http_request_duration_seconds_count"
    assert seen.value(count, method="GET", route="/api/v1/coins/{canonical_id}", status="2xx") == 2
    assert seen.value(count, method="GET", route="/api/v1/coins/{canonical_id}", status="4xx") == 1
    assert seen.value(count, method="GET", route="unmatched", status="4xx") == 2
    assert seen.total(count, method="POST", status="4xx") == 1


def test_without_postgres_and_redis_it_says_so_and_what_the_server_itself_knows(make_client: MakeClient) -> None:
    client = make_client(DATABASE_URL="postgresql://postgres@127.0.0.1:1/none", REDIS_URL="redis://127.0.0.1:1")
    client.get("/livez")
    seen = _figures(client)
    assert (seen.value("database_up"), seen.value("redis_up")) == (0, 0)
    assert seen.total("http_request_duration_seconds_count", route="/livez") == 1
    assert "crypto_quotes_tasks_waiting" not in seen.families


def test_where_reading_needs_a_key_so_do_metrics(make_client: MakeClient) -> None:
    app = make_client(READ_ACCESS="key", API_KEYS="prom:read:prom-secret,me:admin:me-secret").application
    client = FlaskClient(app)
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer prom-secret"}).status_code == 200


def test_every_metric_says_what_it_is(client: ContractClient) -> None:
    for name, family in _figures(client).families.items():
        assert name.startswith("crypto_quotes_")
        assert family.documentation.endswith(".")


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
    assert seen.value("tasks_ended_total", kind="normalize", source="coingecko", state="succeeded") == 1
    assert seen.value("tasks_ended_total", kind="fetch", source="coingecko", state="failed") == 1
    assert seen.value("rows_total", source="coingecko", outcome="stored") == 3
    assert seen.value("rows_total", source="coingecko", outcome="rejected") == 2
    assert seen.value("rows_total", source="coingecko", outcome="merged") == 5
    assert seen.value("task_retries_total", kind="fetch", source="coingecko", reason="retry") == 2
    assert seen.value("task_retries_total", kind="fetch", source="coingecko", reason="wait") == 1
    assert seen.value("task_duration_seconds_bucket", kind="fetch", le="+Inf") == 1
    assert seen.value("task_duration_seconds_count", kind="fetch") == 1
    assert seen.value("dead_letters", source="coingecko") == 1


def test_what_was_counted_outlives_the_tasks(client: ContractClient, factory: Factory, database_url: str) -> None:
    database = Database(database_url, size=1)
    factory.task(factory.job("csv"), "csv", kind="normalize", rows=1, coins=[1])
    try:
        metrics.count_ended(database, apart=0)
        factory.connection.execute("DELETE FROM jobs")
        metrics.count_ended(database, apart=0)
    finally:
        database.close()
    assert _figures(client).value("rows_total", source="csv", outcome="stored") == 1


def test_what_processes_count_by_themselves_adds_up(client: ContractClient, database_url: str) -> None:
    database = Database(database_url, size=1)
    try:
        for _ in range(2):
            metrics.add(database, {("upstream_requests", ("coingecko", "429")): 2})
    finally:
        database.close()
    assert _figures(client).value("upstream_requests_total", source="coingecko", status="429") == 4


def test_a_task_that_ends_in_a_long_transaction_is_counted_after_it_and_no_other_twice(
    client: ContractClient, factory: Factory, database_url: str
) -> None:
    database = Database(database_url, size=1)
    late = Factory(database_url)
    job = factory.job("csv")
    try:
        with late.connection.transaction():
            late.task(job, "csv", kind="normalize", rows=1, coins=[1])
            factory.task(job, "csv", kind="normalize", rows=10, coins=[2])
            metrics.count_ended(database, apart=0)
            assert metrics.counters(factory.connection)["rows"][("csv", "merged")] == 9
        metrics.count_ended(database, apart=0)
    finally:
        late.connection.close()
        database.close()
    seen = _figures(client)
    assert seen.value("rows_total", source="csv", outcome="stored") == 2
    assert seen.value("rows_total", source="csv", outcome="merged") == 9
