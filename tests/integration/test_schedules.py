"""Schedules: by the environment and by the API, one job a slot whoever asks, missed slots once, paused and resumed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.settings import Settings
from db.pool import Database
from tests.contract import ContractClient
from tests.factories import Factory
from tests.integration.conftest import MakeClient
from workers import schedule
from workers.dispatcher import Dispatcher
from workers.queue import Bell

HERE = "/api/v1/schedules"
NEW = {"name": "often", "source": "coingecko", "interval": "5m"}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=8)
    yield database
    database.close()


@pytest.fixture
def bell(redis_url: str) -> Bell:
    return Bell(redis_url)


def settings(ingest_schedule: str = "") -> Settings:
    return Settings.from_env({"INGEST_SCHEDULE": ingest_schedule})


def start_due(database: Database, bell: Bell) -> None:
    schedule.start_due(settings(), database, bell)


def make_due(factory: Factory, *, ago: timedelta = timedelta(seconds=1)) -> None:
    factory.connection.execute("UPDATE schedules SET next_run_at = now() - %s", [ago])


def created(client: ContractClient, **more: object) -> dict[str, Any]:
    answer = client.post(HERE, json={**NEW, **more})
    assert answer.status_code == 201
    assert client.get(answer.headers["Location"]).get_json() == answer.get_json()
    made: dict[str, Any] = answer.get_json()
    return made


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# What is due.


def test_a_slot_has_one_job_however_many_dispatchers_start_it_at_once(
    client: ContractClient, factory: Factory, database: Database, bell: Bell
) -> None:
    created(client)
    make_due(factory)
    together = threading.Barrier(6)

    def start() -> None:
        together.wait(20)
        start_due(database, bell)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    start_due(database, bell)
    assert factory.value("SELECT array_agg(kind || ' by ' || requested_by) FROM jobs") == ["coingecko by schedule"]


def test_a_started_slot_shows_its_job_and_leads_to_the_next(
    client: ContractClient, factory: Factory, database: Database, bell: Bell
) -> None:
    made = created(client, params={"limit": 7})
    make_due(factory)
    start_due(database, bell)
    shown = client.get(f"{HERE}/{made['id']}").get_json()
    assert shown["last_job"] == {"id": factory.value("SELECT id FROM jobs"), "state": "queued"}
    assert client.get(shown["links"]["last_job"]).get_json()["requested_by"] == "schedule"
    assert shown["next_run_at"] == made["next_run_at"]
    assert factory.value("SELECT params FROM tasks") == {"limit": 7}


@pytest.mark.parametrize("when", [{"interval": "10m"}, {"interval": None, "cron": "*/10 * * * *"}])
def test_all_slots_that_were_missed_are_one_job_and_the_next_is_one_to_come(
    client: ContractClient, factory: Factory, database: Database, bell: Bell, when: dict[str, str | None]
) -> None:
    client.post(HERE, json={name: value for name, value in {**NEW, **when}.items() if value})
    make_due(factory, ago=timedelta(days=3))
    for _ in range(3):
        start_due(database, bell)
    assert factory.value("SELECT count(*) FROM jobs") == 1
    assert factory.value("SELECT next_run_at - now() BETWEEN '0 s' AND '10 min' FROM schedules")


def test_all_sources_are_one_job_each_with_its_own_limit(
    client: ContractClient, factory: Factory, database: Database, bell: Bell
) -> None:
    created(client, source="all", params={"coingecko_limit": 5})
    make_due(factory)
    start_due(database, bell)
    assert factory.value("SELECT kind FROM jobs") == "all"
    limits = factory.value("SELECT jsonb_object_agg(source, params) FROM tasks")
    assert (limits["csv"], limits["coingecko"]) == ({}, {"limit": 5})


def test_a_source_that_this_release_doesn_t_know_is_passed_over_and_keeps_no_other_from_its_job(
    client: ContractClient, factory: Factory, database: Database, bell: Bell
) -> None:
    factory.connection.execute(
        "INSERT INTO schedules (name, origin, kind, every, next_run_at, created_by)"
        " VALUES ('old', 'api', 'gone', 60, now(), 'ann')"
    )
    created(client)
    make_due(factory)
    start_due(database, bell)
    assert factory.value("SELECT array_agg(kind) FROM jobs") == ["coingecko"]
    assert factory.value("SELECT bool_and(next_run_at > now()) FROM schedules")


def test_the_dispatcher_starts_what_is_due_and_keeps_what_the_environment_says(
    client: ContractClient, factory: Factory, database: Database, bell: Bell
) -> None:
    dispatcher = Dispatcher(settings("csv=365d"), database, bell, "here:1")
    dispatcher.tick(1.0)
    dispatcher.tick(9.0)
    assert factory.value("SELECT array_agg(kind) FROM jobs") == ["csv"]
    [shown] = client.get(HERE).get_json()["data"]
    assert (shown["name"], shown["origin"], shown["interval"]) == ("csv", "environment", "365d")


# Paused.


def test_a_paused_schedule_starts_nothing_and_a_resumed_one_goes_on_with_the_slot_to_come(
    client: ContractClient, factory: Factory, database: Database, bell: Bell
) -> None:
    made = created(client)
    paused = client.post(made["links"]["pause"]).get_json()
    assert (paused["paused"], paused["next_run_at"]) == (True, None)
    make_due(factory, ago=timedelta(hours=2))
    start_due(database, bell)
    resumed = client.post(paused["links"]["resume"]).get_json()
    start_due(database, bell)
    assert factory.value("SELECT count(*) FROM jobs") == 0
    assert moment(resumed["next_run_at"]) > datetime.now(UTC)
    make_due(factory)
    start_due(database, bell)
    assert factory.value("SELECT count(*) FROM jobs") == 1


def test_resuming_what_isn_t_paused_leaves_a_due_slot_due(
    client: ContractClient, factory: Factory, database: Database, bell: Bell
) -> None:
    made = created(client)
    make_due(factory)
    client.post(f"{made['links']['self']}/resume")
    start_due(database, bell)
    assert factory.value("SELECT count(*) FROM jobs") == 1


# The environment's.


def test_a_schedule_of_the_environment_starts_at_once_and_a_restart_changes_nothing(
    factory: Factory, database: Database, bell: Bell
) -> None:
    for _ in range(3):
        schedule.keep_environment(settings("csv=365d,coingecko=365d"), database)
        start_due(database, bell)
    assert factory.value("SELECT array_agg(kind ORDER BY kind) FROM jobs") == ["coingecko", "csv"]


def test_beside_a_release_that_keeps_no_schedules_a_slot_has_one_job_too(
    factory: Factory, database: Database, bell: Bell
) -> None:
    running = factory.value("SELECT floor(extract(epoch FROM now()) / 31536000.0::float8)::bigint")
    factory.job("csv", slot=f"schedule:csv:{running}:31536000")
    schedule.keep_environment(settings("csv=365d"), database)
    start_due(database, bell)
    assert factory.value("SELECT count(*) FROM jobs") == 1
    assert factory.value("SELECT next_run_at > now() FROM schedules")


def test_the_environment_s_cron_expression_starts_at_its_times_and_a_restart_changes_nothing(
    client: ContractClient, factory: Factory, database: Database, bell: Bell
) -> None:
    for _ in range(2):
        schedule.keep_environment(settings("coinpaprika=0 0 1 1 *"), database)
        start_due(database, bell)
    [shown] = client.get(HERE).get_json()["data"]
    assert (shown["origin"], shown["interval"], shown["cron"]) == ("environment", None, "0 0 1 1 *")
    assert moment(shown["next_run_at"]).strftime("%m-%d %H:%M") == "01-01 00:00"
    assert factory.value("SELECT count(*) FROM jobs") == 0
    make_due(factory, ago=timedelta(days=3))
    schedule.keep_environment(settings("coinpaprika=0 0 1 1 *"), database)
    for _ in range(2):
        start_due(database, bell)
    assert factory.value("SELECT array_agg(kind) FROM jobs") == ["coinpaprika"]


def test_the_environment_s_schedule_may_go_from_an_interval_to_a_cron_expression_and_back(
    client: ContractClient, database: Database
) -> None:
    for text, shows in [("365d", ("365d", None)), ("0 0 1 1 *", (None, "0 0 1 1 *")), ("5m", ("5m", None))]:
        schedule.keep_environment(settings(f"csv={text}"), database)
        [shown] = client.get(HERE).get_json()["data"]
        assert (shown["interval"], shown["cron"]) == shows


def test_a_pause_of_the_environment_s_stays_over_a_restart_and_what_it_names_no_longer_is_gone(
    client: ContractClient, factory: Factory, database: Database, bell: Bell
) -> None:
    schedule.keep_environment(settings("csv=5m,coingecko=5m"), database)
    for each in client.get(HERE).get_json()["data"]:
        client.post(each["links"]["pause"])
    made = created(client, name="csv")
    schedule.keep_environment(settings("csv=10m"), database)
    environment, other = client.get(HERE).get_json()["data"]
    assert (environment["name"], environment["interval"], environment["paused"]) == ("csv", "10m", True)
    assert other["id"] == made["id"]
    start_due(database, bell)
    assert factory.value("SELECT count(*) FROM jobs") == 0


def test_a_worker_that_starts_without_ingest_schedule_leaves_what_the_others_have_said(
    client: ContractClient, database: Database
) -> None:
    schedule.keep_environment(settings("csv=5m,coingecko=5m"), database)
    schedule.keep_environment(settings(""), database)
    assert [each["name"] for each in client.get(HERE).get_json()["data"]] == ["coingecko", "csv"]


def test_the_word_none_takes_all_schedules_of_the_environment_away_and_no_other(
    client: ContractClient, database: Database
) -> None:
    created(client)
    schedule.keep_environment(settings("csv=5m,coingecko=5m"), database)
    schedule.keep_environment(settings("none"), database)
    assert [each["name"] for each in client.get(HERE).get_json()["data"]] == ["often"]


def test_a_schedule_of_the_environment_can_t_be_changed_or_deleted_here(
    client: ContractClient, database: Database
) -> None:
    schedule.keep_environment(settings("csv=5m"), database)
    [shown] = client.get(HERE).get_json()["data"]
    for answer in (client.patch(shown["links"]["self"], json={"name": "x"}), client.delete(shown["links"]["self"])):
        assert answer.status_code == 409
        assert "INGEST_SCHEDULE" in answer.get_json()["detail"]


# By the API.


def test_a_change_of_the_time_leads_to_the_next_slot_and_leaves_the_rest(client: ContractClient) -> None:
    made = created(client, params={"limit": 3})
    changed = client.patch(made["links"]["self"], json={"cron": "0 0 1 1 *"}).get_json()
    assert (changed["cron"], changed["interval"], changed["params"]) == ("0 0 1 1 *", None, {"limit": 3})
    assert moment(changed["next_run_at"]).strftime("%m-%d %H:%M") == "01-01 00:00"
    back = client.patch(made["links"]["self"], json={"interval": "2h", "name": "seldom"}).get_json()
    assert (back["cron"], back["interval_seconds"], back["name"]) == (None, 7200, "seldom")


def test_another_source_drops_the_limits_of_the_one_before(client: ContractClient) -> None:
    made = created(client, params={"limit": 3})
    assert client.patch(made["links"]["self"], json={"source": "csv"}).get_json()["params"] == {}


def test_a_deleted_schedule_is_gone_and_its_jobs_stay(
    client: ContractClient, factory: Factory, database: Database, bell: Bell
) -> None:
    made = created(client)
    make_due(factory)
    start_due(database, bell)
    assert client.delete(made["links"]["self"]).status_code == 200
    assert client.get(made["links"]["self"]).status_code == 404
    assert client.delete(made["links"]["self"]).status_code == 404
    assert factory.value("SELECT count(*) FROM jobs") == 1


def test_a_name_is_given_once(client: ContractClient) -> None:
    created(client)
    other = created(client, name="other")
    assert client.post(HERE, json=NEW).status_code == 409
    assert client.patch(other["links"]["self"], json={"name": "often"}).status_code == 409


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({**NEW, "interval": "5 minutes"}, "interval", "such as 30s, 5m, 2h or 1d"),
        ({**NEW, "interval": "1s"}, "interval", "from 10s to 366d"),
        ({"name": "x", "source": "csv"}, "interval", "Either interval or cron"),
        ({**NEW, "cron": "* * * * *"}, "cron", "together with interval"),
        ({"name": "x", "source": "csv", "cron": "0 26 * * *"}, "cron", "Hour can't be 26"),
        ({"name": "x", "source": "csv", "cron": "0 0 30 2 *"}, "cron", "Day-of-month 30 never comes in month 2"),
        ({**NEW, "params": {"limit": 0}}, "params", "Must be greater"),
        ({**NEW, "params": {"depth": 3}}, "params", "Unknown field"),
        ({**NEW, "params": {"coinpaprika_limit": 3}}, "params.coinpaprika_limit", "it takes limit"),
        ({**NEW, "source": "csv", "params": {"limit": 3}}, "params.limit", "it takes none"),
        ({**NEW, "source": "nowhere"}, "source", "Must be one of"),
        ({**NEW, "often": True}, "often", "Unknown field"),
        ({**NEW, "name": ""}, "name", "Length"),
    ],
)
def test_what_can_t_be_right_is_refused_by_name(
    client: ContractClient, body: dict[str, object], field: str, said: str
) -> None:
    answer = client.post(HERE, json=body)
    assert answer.status_code == 422
    [error] = answer.get_json()["errors"]
    assert (error["in"], error["name"]) == ("body", field)
    assert said in error["detail"]
    assert client.get(HERE).get_json() == {"data": []}


def test_the_same_key_and_request_make_one_schedule_and_another_request_is_refused(client: ContractClient) -> None:
    first, again = (client.post(HERE, json=NEW, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.get_json() == again.get_json()
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    other = client.post(HERE, json={**NEW, "name": "x"}, headers={"Idempotency-Key": "k"})
    assert other.status_code == 422
    ingest = client.post("/api/v1/ingest/csv", headers={"Idempotency-Key": "k"})
    assert ingest.status_code == 422
    assert len(client.get(HERE).get_json()["data"]) == 1


def test_a_pause_that_is_repeated_under_its_key_undoes_no_resume(client: ContractClient) -> None:
    made = created(client)
    key = {"Idempotency-Key": "p"}
    client.post(made["links"]["pause"], headers=key)
    client.post(f"{made['links']['self']}/resume")
    late = client.post(made["links"]["pause"], headers=key)
    assert (late.headers["Idempotent-Replayed"], late.get_json()["paused"]) == ("true", False)


def test_making_needs_an_admin_and_pausing_who_may_ingest(make_client: MakeClient) -> None:
    client = make_client(API_KEYS="ann:admin:secret-ann,ian:ingest:secret-ian,ray:read:secret-ray")
    ann, ian, ray = ({"X-API-Key": f"secret-{name}"} for name in ("ann", "ian", "ray"))
    assert client.post(HERE, json=NEW, headers=ian).status_code == 403
    made = client.post(HERE, json=NEW, headers=ann).get_json()
    assert made["created_by"] == "ann"
    assert client.post(made["links"]["pause"], headers=ray).status_code == 403
    assert client.post(made["links"]["pause"], headers=ian).status_code == 200
    assert client.patch(made["links"]["self"], json={"name": "x"}, headers=ian).status_code == 403
    assert client.delete(made["links"]["self"], headers=ian).status_code == 403
