"""A fetch's only page is claimed as it is stored, by the worker that has it at hand: a claim like any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from core.models import Page
from db import jobs, leases, tasks
from db.pool import Database
from db.tasks import CancelledTask, Claim, LostTask
from tests.factories import Factory

LEASE = 60.0
ONLY = Page(1, b"[]", {"take": 0}, {}, True)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=4)
    yield database
    database.close()


@pytest.fixture
def fetch(database: Database, factory: Factory) -> Claim:
    return claim(database, factory.task(factory.job("csv", "queued"), "csv", state="queued"))


def claim(database: Database, task: int) -> Claim:
    claimed = tasks.claim(database, task, worker="w", lease=LEASE)
    assert claimed is not None
    return claimed


def store_and_claim(database: Database, fetch: Claim) -> Claim:
    with tasks.holding(database, fetch) as connection:
        page = tasks.store_and_claim(connection, fetch, ONLY, worker="w", lease=LEASE)
    assert isinstance(page, Claim)
    return page


def row_of_page(factory: Factory) -> Any:
    return factory.connection.execute(
        "SELECT state, worker, attempt, max_attempts, fence, waits, lease_until > now(), started_at IS NOT NULL,"
        " dispatched_at IS NOT NULL, params, cursor, batch_id FROM tasks WHERE kind = 'normalize'"
    ).fetchone()


def test_a_page_claimed_as_it_is_stored_is_as_one_whose_bell_was_answered(database: Database, factory: Factory) -> None:
    asked = [factory.task(factory.job("csv", "queued"), "csv", state="queued") for _ in range(2)]
    first, second = (claim(database, task) for task in asked)
    page = store_and_claim(database, first)
    at_once = row_of_page(factory)
    factory.connection.execute("DELETE FROM jobs WHERE id = %s", [first.job_id])
    with tasks.holding(database, second) as connection:
        stored = tasks.store_pages(connection, second, [ONLY], lease=LEASE)[0]
    rung = claim(database, stored.task_id)
    assert row_of_page(factory)[:-1] == at_once[:-1]
    assert [getattr(rung, field) for field in ("kind", "source", "params", "cursor", "attempt", "waits", "fence")] == [
        getattr(page, field) for field in ("kind", "source", "params", "cursor", "attempt", "waits", "fence")
    ]
    assert page.batch_id == at_once[-1]


def test_the_fetch_ends_with_its_page_and_the_job_does_not(database: Database, fetch: Claim, factory: Factory) -> None:
    store_and_claim(database, fetch)
    assert factory.value("SELECT array_agg(state ORDER BY id) FROM tasks") == ["succeeded", "running"]
    assert factory.value("SELECT state FROM jobs") == "running"


def test_a_page_whose_worker_dies_before_it_is_merged_comes_back_by_its_lease(
    database: Database, fetch: Claim, factory: Factory
) -> None:
    lost = store_and_claim(database, fetch)
    assert tasks.claim(database, lost.task_id, worker="other", lease=LEASE) is None
    factory.connection.execute("UPDATE tasks SET lease_until = now() - interval '1 second' WHERE state = 'running'")
    assert leases.take_back_lost(database) == 1
    again = claim(database, lost.task_id)
    assert (again.attempt, again.fence) == (2, 2)
    with pytest.raises(LostTask), tasks.holding(database, lost):
        pytest.fail("written under a fence that is not the latest")


def test_a_worker_that_lost_its_fetch_claims_no_page_of_it(database: Database, fetch: Claim, factory: Factory) -> None:
    factory.connection.execute("UPDATE tasks SET fence = fence + 1")
    with pytest.raises(LostTask):
        store_and_claim(database, fetch)
    assert factory.value("SELECT count(*) FROM tasks") == 1


def test_a_cancel_between_storing_and_merging_ends_the_page(database: Database, fetch: Claim, factory: Factory) -> None:
    page = store_and_claim(database, fetch)
    jobs.cancel(database, fetch.job_id)
    assert factory.value("SELECT state FROM jobs") == "running"
    with pytest.raises(CancelledTask), tasks.holding(database, page):
        pytest.fail("merged after its cancel")
    assert factory.value("SELECT state FROM jobs") == "cancelled"


def test_no_page_of_a_job_that_is_to_be_cancelled_is_claimed(
    database: Database, fetch: Claim, factory: Factory
) -> None:
    with tasks.holding(database, fetch) as connection:
        jobs.cancel(database, fetch.job_id)
        page = tasks.store_and_claim(connection, fetch, ONLY, worker="w", lease=LEASE)
        assert not isinstance(page, Claim)
    assert factory.value("SELECT array_agg(state ORDER BY id) FROM tasks") == ["succeeded", "queued"]
    jobs.finish_cancels(database)
    assert factory.value("SELECT state FROM jobs") == "cancelled"


def test_who_cancels_a_job_waits_for_a_page_that_is_just_being_claimed(
    database: Database, fetch: Claim, factory: Factory
) -> None:
    with tasks.holding(database, fetch) as connection:
        tasks.store_and_claim(connection, fetch, ONLY, worker="w", lease=LEASE)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            # What the wish to cancel locks.
            factory.connection.execute("SELECT FROM jobs FOR NO KEY UPDATE NOWAIT")


def test_a_process_that_stops_can_hand_the_page_back(database: Database, fetch: Claim, factory: Factory) -> None:
    page = store_and_claim(database, fetch)
    (bell,) = leases.hand_back(database, {page.task_id: page.fence})
    assert bell == page.doorbell
    assert factory.value("SELECT (state, attempt, fence)::text FROM tasks WHERE kind = 'normalize'") == "(queued,0,2)"
