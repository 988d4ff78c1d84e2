"""What has served its time goes, in small bites; what somebody still needs stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from core.settings import Settings
from core.slots import Slots
from db.pool import Database
from db.pruning import prune
from db.schedules import keep_environment
from db.slots import start_due
from tests.factories import Factory
from workers.schedule import orders_of

DAY = 86_400.0
NOW = datetime.now(UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=2)
    yield database
    database.close()


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def old_job(factory: Factory, days: float = 31, state: str = "succeeded", **values: object) -> int:
    ended = None if state == "running" else ago(days)
    return factory.job("csv", state, created_at=ago(days), finished_at=ended, **values)


def bite(database: Database) -> None:
    prune(database, job_age=30 * DAY, raw_batch_age=7 * DAY)


def batch(factory: Factory, task: int, days: float) -> int:
    factory.connection.execute(
        "INSERT INTO raw_batches (task_id, number, body, meta, fetched_at) VALUES (%s, 1, '', '{}', %s)",
        [task, ago(days)],
    )
    return int(factory.value("SELECT max(id) FROM raw_batches"))


def upload(factory: Factory, days: float) -> int:
    factory.connection.execute(
        "WITH made AS (INSERT INTO uploads (filename, bytes, created_at) VALUES ('a.csv', 1, %s) RETURNING id)"
        " INSERT INTO upload_chunks SELECT id, 0, 'x' FROM made",
        [ago(days)],
    )
    return int(factory.value("SELECT max(id) FROM uploads"))


def key(factory: Factory, job: int, name: str, days: float) -> None:
    factory.connection.execute(
        "INSERT INTO idempotency_keys VALUES ('ann', %s, 'hash', %s, %s)", [name, job, ago(days)]
    )


def test_a_job_past_its_age_goes_with_all_that_hangs_on_it(database: Database, factory: Factory) -> None:
    old, young, running = old_job(factory), old_job(factory, days=29), old_job(factory, state="running")
    for job in (old, young, running):
        task = factory.task(job)
        factory.rejection(task, 2, "no")
        batch(factory, task, 0)
        key(factory, job, f"of job {job}", 0)
    bite(database)
    kept = [young, running]
    assert factory.value("SELECT array_agg(id ORDER BY id) FROM jobs") == kept
    assert factory.value("SELECT array_agg(job_id ORDER BY job_id) FROM tasks") == kept
    assert factory.value("SELECT array_agg(job_id ORDER BY job_id) FROM idempotency_keys") == kept
    assert factory.value("SELECT count(*) FROM rejections") == factory.value("SELECT count(*) FROM raw_batches") == 2


def test_jobs_go_in_small_bites_the_oldest_first(database: Database, factory: Factory) -> None:
    factory.connection.execute(
        "INSERT INTO jobs (kind, state, finished_at) SELECT 'csv', 'failed', now() - n * interval '1 day'"
        " FROM generate_series(31, 280) AS n"
    )
    left = []
    for _ in range(3):
        bite(database)
        left.append(factory.value("SELECT count(*) FROM jobs"))
    assert left == [150, 50, 0]


def test_a_job_stays_while_its_failed_parts_are_run_again(database: Database, factory: Factory) -> None:
    failed, again = old_job(factory, state="failed"), factory.job("csv", "running")
    factory.task(failed, state="failed", retried_by=again)
    bite(database)
    assert factory.value("SELECT count(*) FROM jobs") == 2
    factory.connection.execute("UPDATE jobs SET state = 'succeeded', finished_at = now() WHERE id = %s", [again])
    bite(database)
    assert factory.value("SELECT id FROM jobs") == again


def test_a_schedule_longer_than_the_retention_runs_once_a_slot_all_the_same(
    database: Database, factory: Factory
) -> None:
    every = 3650 * DAY
    keep_environment(database, {"csv": Slots(every=every)})
    orders = partial(orders_of, Settings.from_env({}))
    [made] = start_due(database, orders, max_attempts=4)
    factory.connection.execute("DELETE FROM tasks")
    factory.connection.execute(
        "UPDATE jobs SET state = 'failed', created_at = %s, finished_at = %s", [ago(40), ago(40)]
    )
    old_job(factory, slot="schedule:csv:7:60.0")
    old_job(factory, slot="startup:1700000000.5")
    bite(database)
    assert factory.value("SELECT id FROM jobs") == made.job_id
    factory.connection.execute("UPDATE schedules SET next_run_at = now()")
    assert start_due(database, orders, max_attempts=4) == []


def test_pages_past_their_age_go_unless_their_job_or_a_retry_needs_them(database: Database, factory: Factory) -> None:
    ended, running = old_job(factory, days=8), old_job(factory, days=8, state="running")
    batch(factory, factory.task(ended), 8)
    young = batch(factory, factory.task(ended), 6)
    open_job = batch(factory, factory.task(running), 8)
    retried = batch(factory, factory.task(ended), 8)
    factory.task(running, kind="normalize", state="queued", batch_id=retried)
    bite(database)
    assert factory.value("SELECT array_agg(id ORDER BY id) FROM raw_batches") == [young, open_job, retried]


def test_uploads_past_their_age_go_unless_an_open_task_reads_them(database: Database, factory: Factory) -> None:
    job = factory.job("csv", "running")
    upload(factory, 8)
    young, needed = upload(factory, 6), upload(factory, 8)
    factory.task(job, state="queued", params=f'{{"upload": {needed}}}')
    bite(database)
    assert factory.value("SELECT array_agg(id ORDER BY id) FROM uploads") == [young, needed]
    assert factory.value("SELECT count(*) FROM upload_chunks") == 2


def test_keys_are_kept_for_a_day(database: Database, factory: Factory) -> None:
    job = factory.job("csv", finished_at=NOW)
    key(factory, job, "yesterday's", 1.01)
    key(factory, job, "today's", 0.99)
    bite(database)
    assert factory.value("SELECT key FROM idempotency_keys") == "today's"


def test_only_one_process_prunes_at_a_time_and_no_other_waits(database: Database, factory: Factory) -> None:
    old_job(factory)
    with factory.connection.transaction():
        factory.connection.execute("SELECT pg_advisory_xact_lock(7316400011)")
        bite(database)
        assert factory.value("SELECT count(*) FROM jobs") == 1
    bite(database)
    assert factory.value("SELECT count(*) FROM jobs") == 0


def test_an_upload_lives_as_long_as_a_page_is_a_part_of_it(database: Database, factory: Factory) -> None:
    read, forgotten = upload(factory, 8), upload(factory, 8)
    young = factory.task(old_job(factory, days=6))
    factory.connection.execute(
        "INSERT INTO raw_batches (task_id, number, meta, upload_id, upload_from, upload_bytes)"
        " VALUES (%s, 1, '{}', %s, 0, 1)",
        [young, read],
    )
    bite(database)
    assert factory.value("SELECT array_agg(id) FROM uploads") == [read]
    factory.connection.execute("UPDATE raw_batches SET fetched_at = %s", [ago(8)])
    bite(database)
    assert factory.value("SELECT count(*) FROM uploads") == factory.value("SELECT count(*) FROM raw_batches") == 0
    assert forgotten != read
