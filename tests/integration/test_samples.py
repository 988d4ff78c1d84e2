"""Samples of the queues: one a moment however many processes take them, exact in what ended, gone after a day."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from db import samples
from db.pool import Database
from tests.contract import ContractClient
from tests.factories import Factory
from workers.queue import QUEUES


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=8)
    yield database
    database.close()


def let_time_pass(factory: Factory) -> None:
    factory.connection.execute("UPDATE queue_samples SET taken_at = taken_at - interval '10 seconds'")


def history(client: ContractClient, **query: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/v1/health/history", query_string=query)
    assert answer.status_code == 200
    told: list[dict[str, Any]] = answer.get_json()["samples"]
    return told


def test_a_moment_has_one_sample_however_many_processes_take_it(database: Database, factory: Factory) -> None:
    together = threading.Barrier(6)

    def take() -> None:
        together.wait(20)
        samples.take(database, QUEUES)

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    # They may have met the turn of the ten seconds.
    assert factory.value("SELECT count(DISTINCT taken_at) <= 2 AND count(*) % 2 = 0 FROM queue_samples")


def test_a_sample_says_what_waits_what_runs_and_who_is_alive(
    client: ContractClient, database: Database, factory: Factory
) -> None:
    job = factory.job("csv", "running")
    factory.task(job, state="queued")
    factory.task(job, state="running")
    factory.task(job, kind="normalize", state="queued", run_at="2100-01-01")
    factory.worker("here:1")
    factory.worker("gone:1", seconds_ago=600)
    samples.take(database, QUEUES)
    [told] = history(client)
    assert told["workers"] == 1
    fetch, normalize = told["queues"]["fetch"], told["queues"]["normalize"]
    assert (fetch["ready"], fetch["in_flight"], fetch["later"]) == (1, 1, 0)
    assert fetch["oldest_waiting_seconds"] >= 0
    assert (normalize["ready"], normalize["later"], normalize["oldest_waiting_seconds"]) == (0, 1, None)


def test_what_ended_is_counted_once_in_the_next_sample_even_if_its_transaction_took_long(
    client: ContractClient, database: Database, factory: Factory
) -> None:
    job = factory.job("csv", "running")
    slow, quick, bad = (factory.task(job, state="running") for _ in range(3))
    end = "UPDATE tasks SET state = %s, lease_until = NULL, finished_at = now() WHERE id = %s"
    samples.take(database, QUEUES)
    with database.transaction() as held:
        held.execute(end, ["succeeded", slow])
        factory.connection.execute(end, ["succeeded", quick])
        factory.connection.execute(end, ["failed", bad])
        let_time_pass(factory)
        samples.take(database, QUEUES)
    let_time_pass(factory)
    samples.take(database, QUEUES)
    let_time_pass(factory)
    samples.take(database, QUEUES)
    counted = [(each["queues"]["fetch"]["succeeded"], each["queues"]["fetch"]["failed"]) for each in history(client)]
    assert counted == [(0, 0), (1, 1), (1, 0), (0, 0)]


def test_samples_are_kept_for_a_day_and_an_hour_of_them_is_shown(
    client: ContractClient, database: Database, factory: Factory
) -> None:
    for age in ("2 days", "5 hours", "30 minutes"):
        samples.take(database, QUEUES)
        factory.connection.execute(
            "UPDATE queue_samples SET taken_at = taken_at - %s::interval WHERE taken_at > now() - interval '1 minute'",
            [age],
        )
    samples.take(database, QUEUES)
    assert factory.value("SELECT count(DISTINCT taken_at) FROM queue_samples") == 3
    assert (len(history(client)), len(history(client, minutes=1440))) == (2, 3)
    assert client.get("/api/v1/health/history?minutes=0").status_code == 422
