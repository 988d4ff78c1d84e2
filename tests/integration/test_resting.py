"""Setting tasks aside, and sources that rest, against a real Postgres: at no cost, one tries, nobody is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, LiteralString

import pytest

from core.errors import NotYet
from core.settings import Settings
from db import leases, sources, tasks
from db.pool import Database
from tests.factories import Factory
from tests.waiting import until

# In this database alone: other tests' are on the same server.
WAITING: LiteralString = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)
# Rests of 10 s from the second failure on; a trial may take 25 s.
SETTINGS = Settings.from_env(
    {"BREAKER_FAILURES": "2", "BREAKER_REST": "10", "BREAKER_REST_MAX": "40", "HTTP_TIMEOUT": "10"}
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=8)
    yield database
    database.close()


def queued(factory: Factory, source: str = "coingecko", **values: Any) -> int:
    return factory.task(factory.job(source, "queued"), source, state="queued", **values)


def set_aside(database: Database, task: int, reason: NotYet) -> tasks.Claim:
    claimed = tasks.claim(database, task, worker="w", lease=60)
    assert claimed
    with tasks.holding(database, claimed) as connection:
        tasks.set_aside(connection, claimed, reason)
    return claimed


def seconds_left(factory: Factory, task: int) -> float:
    row = factory.connection.execute(
        "SELECT extract(epoch FROM run_at - now())::float8 FROM tasks WHERE id = %s", [task]
    ).fetchone()
    assert row
    return float(row[0])


def test_a_task_set_aside_is_as_if_it_had_not_been_claimed_but_later(database: Database, factory: Factory) -> None:
    task = queued(factory, max_attempts=1)
    for _ in range(3):
        set_aside(database, task, NotYet("spent", 0))
    set_aside(database, task, NotYet("spent", 30))
    assert tasks.claim(database, task, worker="w", lease=60) is None
    row = factory.connection.execute("SELECT state, attempt, waits, errors, asides FROM tasks").fetchone()
    assert row == ("queued", 0, 0, [], 4)
    assert 25 < seconds_left(factory, task) <= 30


def test_a_task_set_aside_is_rung_for_when_it_is_due(database: Database, factory: Factory) -> None:
    task = queued(factory)
    set_aside(database, task, NotYet("spent", 0))
    assert [bell.task_id for bell in leases.due(database, most=10, again=False)] == [task]


def test_a_worker_whose_task_was_set_aside_and_claimed_anew_is_fenced_off(database: Database, factory: Factory) -> None:
    task = queued(factory)
    late = set_aside(database, task, NotYet("spent", 0))
    assert tasks.claim(database, task, worker="other", lease=60)
    with pytest.raises(tasks.LostTask), tasks.holding(database, late) as connection:
        tasks.succeed(connection, late)


def test_those_that_wait_for_a_budget_come_back_as_many_at_a_time_as_fit(database: Database, factory: Factory) -> None:
    waiting = [queued(factory) for _ in range(5)]
    other = queued(factory, "coinpaprika")
    for task in (*waiting, other):
        set_aside(database, task, NotYet("spent", 20, at_a_time=2, apart=60))
    assert [round(seconds_left(factory, task), -1) for task in waiting] == [20, 20, 80, 80, 140]
    assert round(seconds_left(factory, other), -1) == 20


def test_a_source_rests_from_the_second_fetch_in_a_row_that_failed_for_good(database: Database) -> None:
    def trouble(*, for_good: bool) -> float:
        return sources.note_trouble(database, "coingecko", SETTINGS, for_good=for_good)

    assert [trouble(for_good=False) for _ in range(9)] == [0.0] * 9
    assert trouble(for_good=True) == 0
    assert sources.rest_left(database, "coingecko", SETTINGS) == 0
    assert trouble(for_good=True) == 10
    assert 5 < sources.rest_left(database, "coingecko", SETTINGS) <= 10
    assert sources.rest_left(database, "coinpaprika", SETTINGS) == 0
    # Those that had begun go on failing.
    assert trouble(for_good=False) == 10
    assert [trouble(for_good=True) for _ in range(3)] == [20, 40, 40]


def test_a_page_that_came_counts_all_failures_as_gone(database: Database) -> None:
    for _ in range(3):
        sources.note_trouble(database, "coingecko", SETTINGS, for_good=True)
    sources.note_success(database, "coingecko")
    assert sources.rest_left(database, "coingecko", SETTINGS) == 0
    assert sources.note_trouble(database, "coingecko", SETTINGS, for_good=True) == 0


def test_after_the_rest_one_tries_and_the_others_wait_for_it(database: Database, factory: Factory) -> None:
    factory.connection.execute("INSERT INTO sources VALUES ('coingecko', 2, now() - interval '1 second')")
    waits: list[float] = []
    threads = [
        threading.Thread(target=lambda: waits.append(sources.rest_left(database, "coingecko", SETTINGS)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(waits)[0] == 0
    assert all(15 < wait <= 25 for wait in sorted(waits)[1:])
    # One that died in its trial is followed by another.
    factory.connection.execute("UPDATE sources SET resting_until = now() - interval '1 second'")
    assert sources.rest_left(database, "coingecko", SETTINGS) == 0


def test_who_was_set_aside_for_a_rest_is_due_when_the_source_works_again(database: Database, factory: Factory) -> None:
    factory.connection.execute("INSERT INTO sources VALUES ('coingecko', 2, now() + interval '1 hour')")
    waiting, other = queued(factory), queued(factory, "coinpaprika")
    backing_off = queued(factory, attempt=1)
    for task in (waiting, other):
        set_aside(database, task, NotYet("rests", 3600))
    factory.connection.execute("UPDATE tasks SET run_at = now() + interval '1 hour' WHERE id = %s", [backing_off])
    sources.note_success(database, "coingecko")
    assert seconds_left(factory, waiting) <= 0
    assert seconds_left(factory, other) > 3000
    assert seconds_left(factory, backing_off) > 3000


def test_who_waits_for_a_trial_that_failed_waits_for_the_rest_alone(database: Database, factory: Factory) -> None:
    factory.connection.execute("INSERT INTO sources VALUES ('coingecko', 2, now() + interval '1 hour')")
    task = queued(factory)
    set_aside(database, task, NotYet("rests", 3600))
    sources.note_trouble(database, "coingecko", SETTINGS, for_good=False)
    assert 5 < seconds_left(factory, task) <= 10


def test_a_rest_that_ends_just_when_a_task_is_set_aside_for_it_leaves_nobody_behind(
    database: Database, factory: Factory
) -> None:
    """Whoever is first, the task is due: the one that ends the rest finds it, or it finds the rest ended."""
    for task_first in (True, False):
        factory.connection.execute(
            "INSERT INTO sources VALUES ('coingecko', 2, now() + interval '1 hour')"
            " ON CONFLICT (name) DO UPDATE SET failures = 2, resting_until = excluded.resting_until"
        )
        task = queued(factory)
        claimed = tasks.claim(database, task, worker="w", lease=60)
        assert claimed
        ender = threading.Thread(target=sources.note_success, args=[database, "coingecko"])
        with tasks.holding(database, claimed) as connection:
            if not task_first:
                ender.start()
                ender.join(20)
            rest = sources.hold_rest(connection, "coingecko")
            if task_first:
                ender.start()
                until(lambda: factory.value(WAITING), "it waits for us")
            tasks.set_aside(connection, claimed, NotYet("rests", rest))
        ender.join(20)
        assert (rest > 0) is task_first
        assert seconds_left(factory, task) <= 0
