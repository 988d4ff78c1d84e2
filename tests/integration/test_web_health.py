"""/health, /livez and /readyz: healthy, degraded, unhealthy, and what each says."""

from __future__ import annotations

from collections.abc import Callable

from redis import Redis

from tests.contract import ContractClient, exact
from tests.factories import Factory
from workers.budget import Budget

MakeClient = Callable[..., ContractClient]
NO_REDIS = "redis://127.0.0.1:1"
NO_POSTGRES = "postgresql://postgres@127.0.0.1:1/none"


def test_all_is_well_when_everything_answers_and_a_worker_lives(client: ContractClient, factory: Factory) -> None:
    factory.worker("a")
    factory.worker("dead", seconds_ago=11)
    factory.coin("btc")
    answer = client.get("/health")
    seen = exact(answer)
    assert (answer.status_code, seen["status"], seen["workers"], seen["total_records"]) == (200, "healthy", 1, 1)
    assert seen["database"]["up"]
    assert seen["redis"]["up"]
    assert set(seen["queues"]) == {"fetch", "normalize"}


def test_without_workers_it_is_degraded(client: ContractClient) -> None:
    answer = client.get("/health")
    assert (answer.status_code, exact(answer)["status"]) == (200, "degraded")
    assert "worker" in exact(answer)["message"]


def test_without_redis_it_is_degraded(make_client: MakeClient, factory: Factory) -> None:
    factory.worker("a")
    answer = make_client(REDIS_URL=NO_REDIS).get("/health")
    assert (answer.status_code, exact(answer)["status"]) == (200, "degraded")
    assert exact(answer)["redis"] == {"up": False, "latency_ms": None}


def test_without_postgres_it_is_unhealthy_and_not_ready_but_alive(make_client: MakeClient) -> None:
    client = make_client(DATABASE_URL=NO_POSTGRES)
    answer = client.get("/health")
    assert (answer.status_code, exact(answer)["status"]) == (503, "unhealthy")
    assert "Retry-After" in answer.headers
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200


def test_it_is_ready_on_a_schema_that_suits_this_release_alone(client: ContractClient, factory: Factory) -> None:
    assert client.get("/readyz").status_code == 200
    factory.connection.execute(
        "INSERT INTO schema_migrations (number, name, checksum) SELECT max(number) + 1, 'later', ''"
        " FROM schema_migrations"
    )
    assert client.get("/readyz").status_code == 200
    factory.connection.execute(
        "INSERT INTO schema_migrations (number, name, checksum, oldest) SELECT max(number) + 1, 'breaking', '',"
        " max(number) + 1 FROM schema_migrations"
    )
    assert client.get("/readyz").status_code == 503
    factory.connection.execute("DROP TABLE schema_migrations")
    assert client.get("/readyz").status_code == 503


def test_the_queues_show_what_is_rung_and_what_waits(client: ContractClient, factory: Factory) -> None:
    client.post("/api/v1/ingest/csv")
    factory.connection.execute("UPDATE tasks SET run_at = now() - interval '90 seconds'")
    factory.connection.execute(
        "INSERT INTO tasks (job_id, kind, source, max_attempts, run_at)"
        " SELECT id, 'normalize', 'csv', 4, now() + interval '1 hour' FROM jobs"
    )
    queues = exact(client.get("/health"))["queues"]
    assert queues["fetch"]["ready"] == 1
    assert 90 <= queues["fetch"]["oldest_waiting_seconds"] < 150
    assert queues["normalize"]["oldest_waiting_seconds"] is None


def test_a_source_shows_its_last_success_its_last_error_and_the_age_of_its_data(
    client: ContractClient, factory: Factory
) -> None:
    factory.coin("btc")
    job = factory.job("coingecko")
    error = {"at": "2026-03-01T11:00:00+00:00", "attempt": 1, "detail": "HTTP 500", "followed": "retry"}
    factory.task(job, "coingecko", errors=[error])
    seen = exact(client.get("/health"))["sources"]
    assert seen["coingecko"]["last_success"] == "2026-03-01T12:00:00+00:00"
    assert seen["coingecko"]["last_error"] == {"at": "2026-03-01T11:00:00+00:00", "detail": "HTTP 500"}
    assert seen["coingecko"]["age_seconds"] is not None
    assert seen["coinpaprika"] == {
        "last_success": None,
        "last_error": None,
        "age_seconds": None,
        "resting_until": None,
        "budget": {"per_minute": 10, "left": 10},
    }


def test_a_source_that_no_setting_names_shows_once_it_was_asked(
    client: ContractClient, make_client: MakeClient, factory: Factory
) -> None:
    named = ["csv", "coingecko", "coinpaprika"]
    assert list(exact(client.get("/health"))["sources"]) == named
    assert list(exact(make_client(INGEST_SCHEDULE="kraken=5m").get("/health"))["sources"]) == [*named, "kraken"]
    factory.task(factory.job("binance"), "binance")
    assert list(exact(client.get("/health"))["sources"]) == [*named, "binance"]


def test_where_no_data_is_its_age_is_unknown(client: ContractClient, factory: Factory) -> None:
    factory.task(factory.job("coingecko"), "coingecko")
    assert exact(client.get("/health"))["sources"]["coingecko"]["age_seconds"] is None


def test_a_source_that_rests_says_until_when(client: ContractClient, factory: Factory) -> None:
    factory.connection.execute(
        "INSERT INTO sources VALUES ('coingecko', 7, '2100-01-01T00:00Z'), ('coinpaprika', 7, '2020-01-01T00:00Z')"
    )
    seen = exact(client.get("/health"))["sources"]
    assert seen["coingecko"]["resting_until"] == "2100-01-01T00:00:00+00:00"
    # What is over is over: the next fetch tries.
    assert seen["coinpaprika"]["resting_until"] is None


def test_a_budget_shows_what_is_left_and_is_unknown_without_redis(make_client: MakeClient, redis_url: str) -> None:
    with Redis.from_url(redis_url) as valkey, Budget(valkey, {"coingecko": 3}).turn("coingecko"):
        seen = exact(make_client(COINGECKO_RATE_PER_MINUTE="3").get("/health"))["sources"]
    assert seen["coingecko"]["budget"] == {"per_minute": 3, "left": 2}
    assert seen["csv"]["budget"] is None
    assert exact(make_client(REDIS_URL=NO_REDIS).get("/health"))["sources"]["coingecko"]["budget"] is None
