"""The job protocol against a real Postgres: what was accepted is done once, whatever happens in between."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from core.models import Page, Parsed, Rejection
from db import jobs, leases, slots, tasks
from db.jobs import Idempotency, TaskOrder
from db.pool import Database
from db.tasks import CancelledTask, Claim, LostTask
from db.uploads import store_upload

LEASE = 60.0


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=8)
    yield database
    database.close()


def submit(
    database: Database, *sources: str, max_attempts: int = 4, idempotency: Idempotency | None = None
) -> jobs.Submitted:
    with database.transaction() as connection:
        return jobs.submit(
            connection,
            kind=sources[0] if len(sources) == 1 else "all",
            orders=[TaskOrder(source, {"limit": 5}) for source in sources],
            max_attempts=max_attempts,
            requested_by="test",
            idempotency=idempotency,
        )


def claim(database: Database, task: int, lease: float = LEASE) -> Claim:
    claimed = tasks.claim(database, task, worker="w", lease=lease)
    assert claimed is not None
    return claimed


def one(database: Database, query: str, *values: object) -> Any:
    with database.connection() as connection:
        row = connection.execute(query, values).fetchone()
    return row[0] if row and len(row) == 1 else row


def job_state(database: Database, job: int) -> Any:
    return one(database, "SELECT state FROM jobs WHERE id = %s", job)


def let_the_lease_run_out(database: Database, task: int) -> None:
    with database.connection() as connection:
        connection.execute("UPDATE tasks SET lease_until = now() - interval '1 second' WHERE id = %s", [task])


def page(number: int, *, last: bool) -> Page:
    return Page(number, b"[]", {"n": number}, {"page": number + 1}, last)


def store_page(database: Database, claimed: Claim, number: int, *, last: bool) -> int:
    with tasks.holding(database, claimed) as connection:
        return tasks.store_pages(connection, claimed, [page(number, last=last)], lease=LEASE)[0].task_id


def succeed(database: Database, claimed: Claim) -> None:
    with tasks.holding(database, claimed) as connection:
        tasks.succeed(connection, claimed, Parsed([], [Rejection(3, "no price", "x,y")]), [])


def test_a_task_is_claimed_once_however_often_its_bell_rings(database: Database) -> None:
    (bell,) = submit(database, "csv").doorbells
    claims = [tasks.claim(database, bell.task_id, worker="w", lease=LEASE) for _ in range(3)]
    assert [claimed is not None for claimed in claims] == [True, False, False]


def test_a_task_that_waits_is_not_claimed_before_its_time(database: Database) -> None:
    (bell,) = submit(database, "csv").doorbells
    claimed = claim(database, bell.task_id)
    with tasks.holding(database, claimed) as connection:
        tasks.postpone(connection, claimed, "Rate limit exceeded", delay=60, asked_for=True)
    assert tasks.claim(database, bell.task_id, worker="w", lease=LEASE) is None


def test_pages_stored_at_once_are_each_kept_with_a_task_and_a_fetch_goes_on_behind_the_last(database: Database) -> None:
    (bell,) = submit(database, "coingecko").doorbells
    claimed = claim(database, bell.task_id)
    with tasks.holding(database, claimed) as connection:
        bells = tasks.store_pages(connection, claimed, [page(number, last=False) for number in (1, 2, 3)], lease=LEASE)
    assert one(database, "SELECT array_agg(number ORDER BY id) FROM raw_batches") == [1, 2, 3]
    assert one(
        database, "SELECT array_agg(t.id ORDER BY number) FROM tasks t JOIN raw_batches b ON b.id = t.batch_id"
    ) == [each.task_id for each in bells]
    assert one(database, "SELECT (state, cursor)::text FROM tasks WHERE kind = 'fetch'") == '(running,"{""page"": 4}")'
    with tasks.holding(database, claimed) as connection:
        tasks.store_pages(connection, claimed, [page(4, last=False), page(5, last=True)], lease=LEASE)
    assert one(database, "SELECT state FROM tasks WHERE kind = 'fetch'") == "succeeded"


def test_a_worker_that_comes_back_late_writes_nothing(database: Database) -> None:
    (bell,) = submit(database, "csv").doorbells
    late = claim(database, bell.task_id)
    let_the_lease_run_out(database, bell.task_id)
    assert leases.take_back_lost(database) == 1
    with pytest.raises(LostTask):
        store_page(database, late, 1, last=True)
    current = claim(database, bell.task_id)
    with pytest.raises(LostTask):
        store_page(database, late, 1, last=True)
    store_page(database, current, 1, last=True)
    assert one(database, "SELECT count(*) FROM raw_batches") == 1


def test_the_sweeper_passes_over_a_late_finisher_that_is_about_to_commit(database: Database) -> None:
    (bell,) = submit(database, "csv").doorbells
    late = claim(database, bell.task_id)
    let_the_lease_run_out(database, bell.task_id)
    with tasks.holding(database, late) as connection:
        assert leases.take_back_lost(database) == 0
        tasks.store_pages(connection, late, [page(1, last=True)], lease=LEASE)[0]
    assert leases.take_back_lost(database) == 0
    assert one(database, "SELECT state FROM tasks WHERE id = %s", bell.task_id) == "succeeded"


def test_a_finisher_that_waits_for_the_sweeper_finds_itself_fenced_off(database: Database) -> None:
    (bell,) = submit(database, "csv").doorbells
    late = claim(database, bell.task_id)
    let_the_lease_run_out(database, bell.task_id)
    outcome: list[str] = []

    def finish() -> None:
        try:
            store_page(database, late, 1, last=True)
            outcome.append("stored")
        except LostTask:
            outcome.append("lost")

    finisher = threading.Thread(target=finish)
    with database.transaction() as connection:
        connection.execute("SELECT FROM tasks WHERE id = %s FOR UPDATE", [bell.task_id])
        finisher.start()
        wait_until_someone_waits_for_a_lock(database)
        connection.execute(
            "UPDATE tasks SET state = 'queued', lease_until = NULL WHERE id = %s AND state = 'running'", [bell.task_id]
        )
    finisher.join(10)
    assert outcome == ["lost"]


def wait_until_someone_waits_for_a_lock(database: Database) -> None:
    while not one(
        database,
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database OR l.database IS NULL "
        "WHERE NOT l.granted AND l.pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())",
    ):
        threading.Event().wait(0.01)


def test_a_lost_worker_counts_as_an_attempt_so_that_poison_ends_failed_and_in_sight(database: Database) -> None:
    submitted = submit(database, "csv", max_attempts=2)
    (bell,) = submitted.doorbells
    for _ in range(2):
        claim(database, bell.task_id)
        let_the_lease_run_out(database, bell.task_id)
        assert leases.take_back_lost(database) == 1
    state, errors = one(database, "SELECT state, errors FROM tasks WHERE id = %s", bell.task_id)
    assert state == "failed"
    assert [error["followed"] for error in errors] == ["lost", "failed"]
    assert "worker was lost" in errors[-1]["detail"]
    assert job_state(database, submitted.job_id) == "failed"


def test_a_wait_that_the_upstream_asked_for_costs_no_attempt(database: Database) -> None:
    (bell,) = submit(database, "csv", max_attempts=1).doorbells
    for _ in range(3):
        claimed = claim(database, bell.task_id)
        assert claimed.attempt == 1
        with tasks.holding(database, claimed) as connection:
            tasks.postpone(connection, claimed, "Rate limit exceeded", delay=0, asked_for=True)
    assert one(database, "SELECT attempt, waits FROM tasks WHERE id = %s", bell.task_id) == (0, 3)


def test_handing_back_costs_no_attempt_and_fences_the_old_holder_off(database: Database) -> None:
    (bell,) = submit(database, "csv", max_attempts=1).doorbells
    old = claim(database, bell.task_id)
    assert leases.hand_back(database, {old.task_id: old.fence}) == [bell]
    with pytest.raises(LostTask):
        store_page(database, old, 1, last=True)
    assert claim(database, bell.task_id).attempt == 1


def test_a_renewed_lease_is_not_taken_back_and_a_foreign_one_is_not_renewed(database: Database) -> None:
    first, second = submit(database, "csv", "coingecko").doorbells
    mine, other = claim(database, first.task_id), claim(database, second.task_id)
    for bell in (first, second):
        let_the_lease_run_out(database, bell.task_id)
    leases.renew(database, {mine.task_id: mine.fence, other.task_id: other.fence + 1}, lease=LEASE)
    assert leases.take_back_lost(database) == 1
    assert one(database, "SELECT state FROM tasks WHERE id = %s", first.task_id) == "running"


def test_a_fetch_resumes_behind_the_pages_that_were_stored_and_tries_count_anew(database: Database) -> None:
    (bell,) = submit(database, "coingecko", max_attempts=2).doorbells
    first = claim(database, bell.task_id)
    store_page(database, first, 1, last=False)
    let_the_lease_run_out(database, bell.task_id)
    leases.take_back_lost(database)
    second = claim(database, bell.task_id)
    assert second.cursor == {"page": 2}
    store_page(database, second, 2, last=False)
    assert one(database, "SELECT attempt FROM tasks WHERE id = %s", bell.task_id) == 1


def test_a_job_ends_with_its_last_task_even_when_all_end_at_once(database: Database) -> None:
    for _ in range(10):
        submitted = submit(database, "coingecko")
        fetch = claim(database, submitted.doorbells[0].task_id)
        children = [store_page(database, fetch, number, last=number == 6) for number in range(1, 7)]
        claims = [claim(database, child) for child in children]
        threads = [threading.Thread(target=succeed, args=(database, claimed)) for claimed in claims]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert job_state(database, submitted.job_id) == "succeeded"


def test_one_failed_source_makes_the_job_a_partial_success_and_all_failed_a_failure(database: Database) -> None:
    def run(failing: set[str]) -> Any:
        submitted = submit(database, "csv", "coingecko")
        for bell in submitted.doorbells:
            claimed = claim(database, bell.task_id)
            if bell.source in failing:
                with tasks.holding(database, claimed) as connection:
                    tasks.fail(connection, claimed, "no such file")
            else:
                succeed(database, claim(database, store_page(database, claimed, 1, last=True)))
        return job_state(database, submitted.job_id)

    assert run(set()) == "succeeded"
    assert run({"csv"}) == "partial_success"
    assert run({"csv", "coingecko"}) == "failed"


def test_rejected_rows_are_kept_with_line_and_reason(database: Database) -> None:
    submitted = submit(database, "csv")
    child = store_page(database, claim(database, submitted.doorbells[0].task_id), 1, last=True)
    succeed(database, claim(database, child))
    assert one(database, "SELECT task_id, row, reason, raw FROM rejections") == (child, 3, "no price", "x,y")
    assert one(database, "SELECT rows, rejected FROM tasks WHERE id = %s", child) == (1, 1)


def test_cancelling_ends_queued_tasks_at_once_and_running_ones_at_their_next_transaction(database: Database) -> None:
    submitted = submit(database, "csv", "coingecko")
    running, queued = submitted.doorbells
    claimed = claim(database, running.task_id)
    jobs.cancel(database, submitted.job_id)
    assert one(database, "SELECT state FROM tasks WHERE id = %s", queued.task_id) == "cancelled"
    assert tasks.claim(database, queued.task_id, worker="w", lease=LEASE) is None
    assert job_state(database, submitted.job_id) == "running"
    with pytest.raises(CancelledTask):
        store_page(database, claimed, 1, last=True)
    assert job_state(database, submitted.job_id) == "cancelled"
    assert one(database, "SELECT count(*) FROM raw_batches") == 0


def test_a_cancel_that_was_cut_short_is_finished_by_the_dispatcher(database: Database) -> None:
    submitted = submit(database, "csv")
    with database.connection() as connection:
        connection.execute("UPDATE jobs SET cancel_requested_at = now() WHERE id = %s", [submitted.job_id])
    assert tasks.claim(database, submitted.doorbells[0].task_id, worker="w", lease=LEASE) is None
    jobs.finish_cancels(database)
    assert job_state(database, submitted.job_id) == "cancelled"


def test_a_state_that_ended_never_changes(database: Database) -> None:
    submitted = submit(database, "csv")
    claimed = claim(database, submitted.doorbells[0].task_id)
    with tasks.holding(database, claimed) as connection:
        tasks.fail(connection, claimed, "no such file")
    before = one(database, "SELECT state, finished_at FROM jobs WHERE id = %s", submitted.job_id)
    jobs.cancel(database, submitted.job_id)
    jobs.finish_cancels(database)
    assert one(database, "SELECT state, finished_at FROM jobs WHERE id = %s", submitted.job_id) == before


def test_a_retry_is_a_new_job_of_the_failed_parts_from_where_they_stopped(database: Database) -> None:
    submitted = submit(database, "csv", "coingecko")
    csv, gecko = (claim(database, bell.task_id) for bell in submitted.doorbells)
    store_page(database, gecko, 1, last=False)
    with tasks.holding(database, gecko) as connection:
        tasks.fail(connection, gecko, "CoinGecko answered 404")
    for child in (
        store_page(database, csv, 1, last=True),
        one(database, "SELECT max(id) FROM tasks WHERE batch_id = 1"),
    ):
        succeed(database, claim(database, child))
    assert job_state(database, submitted.job_id) == "partial_success"
    with database.transaction() as connection:
        again = jobs.retry(connection, submitted.job_id, requested_by="test")
    assert [(bell.kind, bell.source) for bell in again.doorbells] == [("fetch", "coingecko")]
    resumed = claim(database, again.doorbells[0].task_id)
    assert (resumed.cursor, resumed.params) == ({"page": 2}, {"limit": 5})
    assert job_state(database, submitted.job_id) == "partial_success"
    assert one(database, "SELECT retry_of FROM jobs WHERE id = %s", again.job_id) == submitted.job_id


def test_there_is_nothing_to_retry_of_a_job_that_runs_or_went_well(database: Database) -> None:
    submitted = submit(database, "csv")
    with database.transaction() as connection, pytest.raises(jobs.NotRetryable, match="has not ended"):
        jobs.retry(connection, submitted.job_id, requested_by="test")
    child = store_page(database, claim(database, submitted.doorbells[0].task_id), 1, last=True)
    succeed(database, claim(database, child))
    with database.transaction() as connection, pytest.raises(jobs.NotRetryable, match="Nothing"):
        jobs.retry(connection, submitted.job_id, requested_by="test")
    with database.transaction() as connection, pytest.raises(jobs.NoSuchJob):
        jobs.retry(connection, 999, requested_by="test")


def test_one_key_and_request_make_one_job_even_from_many_clients_at_once(database: Database) -> None:
    asked = Idempotency("ann", "k1", "hash")
    made: list[jobs.Submitted] = []
    threads = [
        threading.Thread(target=lambda: made.append(submit(database, "csv", idempotency=asked))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(made) == 6
    assert len({submitted.job_id for submitted in made}) == 1
    assert sum(submitted.replayed for submitted in made) == 5
    assert one(database, "SELECT count(*) FROM tasks") == 1


def test_a_key_with_another_request_is_refused_and_another_client_may_use_the_same_key(database: Database) -> None:
    first = submit(database, "csv", idempotency=Idempotency("ann", "k1", "hash"))
    with pytest.raises(jobs.KeyReused):
        submit(database, "csv", idempotency=Idempotency("ann", "k1", "other"))
    assert submit(database, "csv", idempotency=Idempotency("bob", "k1", "hash")).job_id != first.job_id


def test_a_start_makes_one_ingest_however_many_processes_start(database: Database) -> None:
    orders = [TaskOrder("csv"), TaskOrder("coingecko", {"limit": 100})]
    made = [slots.start_startup(database, orders, max_attempts=4) for _ in range(3)]
    assert [submitted is not None for submitted in made] == [True, False, False]
    assert one(database, "SELECT kind, (SELECT count(*) FROM tasks) FROM jobs") == ("all", 2)


def test_due_tasks_are_dispatched_once_and_again_only_when_asked_long_after(database: Database) -> None:
    (bell,) = submit(database, "csv").doorbells
    assert leases.due(database, most=10, again=True) == []
    with database.connection() as connection:
        connection.execute("UPDATE tasks SET dispatched_at = now() - interval '7 seconds'")
    assert leases.due(database, most=10, again=False) == []
    assert leases.due(database, most=10, again=True) == [bell]
    assert leases.due(database, most=10, again=True) == []


def test_of_a_jobs_pages_the_newest_goes_first_whichever_bell_rings(database: Database) -> None:
    submitted, other = submit(database, "coingecko"), submit(database, "coingecko")
    fetch = claim(database, submitted.doorbells[0].task_id)
    first, second, third = [store_page(database, fetch, number, last=number == 3) for number in (1, 2, 3)]
    fetch = claim(database, other.doorbells[0].task_id)
    store_page(database, fetch, 1, last=True)
    assert [claim(database, first).task_id for _ in range(3)] == [third, second, first]
    assert tasks.claim(database, first, worker="w", lease=LEASE) is None


def test_several_pages_of_a_job_are_claimed_at_once_and_by_one_thread_of_a_worker(database: Database) -> None:
    submitted = submit(database, "coingecko")
    fetch = claim(database, submitted.doorbells[0].task_id)
    pages = [store_page(database, fetch, number, last=number == 5) for number in range(1, 6)]

    def claims(worker: str) -> list[int]:
        taken = tasks.claim_pages(database, pages[0], worker=worker, lease=LEASE, most=2)
        return [claimed.task_id for claimed in taken]

    assert (claims("v"), claims("v"), claims("w")) == (pages[3:], [], pages[1:3])


def test_a_page_that_was_tried_before_is_claimed_alone_and_last(database: Database) -> None:
    submitted = submit(database, "coingecko")
    fetch = claim(database, submitted.doorbells[0].task_id)
    pages = [store_page(database, fetch, number, last=number == 3) for number in (1, 2, 3)]
    claim(database, pages[0])
    let_the_lease_run_out(database, pages[2])
    leases.take_back_lost(database)
    taken = [tasks.claim_pages(database, pages[0], worker=worker, lease=LEASE, most=9) for worker in "vw"]
    assert [[claimed.task_id for claimed in claims] for claims in taken] == [pages[:2], pages[2:]]


def test_effects_of_several_pages_need_all_their_fences(database: Database) -> None:
    submitted = submit(database, "coingecko")
    fetch = claim(database, submitted.doorbells[0].task_id)
    children = [store_page(database, fetch, number, last=number == 2) for number in (1, 2)]
    claims = tasks.claim_pages(database, children[0], worker="w", lease=LEASE, most=2)
    let_the_lease_run_out(database, children[1])
    leases.take_back_lost(database)
    with pytest.raises(LostTask), tasks.holding(database, *claims):
        raise AssertionError("not to be reached")


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_a_page_of_an_uploaded_file_comes_back_as_it_came_however_the_file_is_cut(
    database: Database, size: int
) -> None:
    file = bytes(range(40))
    with database.transaction() as connection:
        upload = store_upload(connection, "a.csv", [file[at : at + size] for at in range(0, len(file), size)])
        order = TaskOrder("csv", {"upload": upload})
        submitted = jobs.submit(connection, kind="csv", orders=[order], max_attempts=4, requested_by="test")
    fetch = claim(database, submitted.doorbells[0].task_id)
    parts = [(0, 5), (5, 8), (13, 27)]
    for number, (at, length) in enumerate(parts, 1):
        with tasks.holding(database, fetch) as connection:
            cut = Page(number, file[at : at + length], {}, {}, number == len(parts), at)
            tasks.store_pages(connection, fetch, [cut], lease=LEASE)[0]
    with database.connection() as connection:
        kept = [tasks.load_batch(connection, row[0]) for row in connection.execute("SELECT id FROM raw_batches")]
    assert [batch.body for batch in kept if batch] == [file[at : at + length] for at, length in parts]
    assert one(database, "SELECT count(body) FROM raw_batches") == 0


def test_two_fetches_of_a_job_that_end_at_once_do_not_wait_for_each_other(database: Database) -> None:
    job = submit(database, "coingecko", "coinpaprika").job_id
    with database.transaction() as first, database.transaction() as second:
        for connection in (first, second):
            # Which holds on to the job's row.
            connection.execute(
                "INSERT INTO tasks (job_id, kind, source, max_attempts) VALUES (%s, 'normalize', 'csv', 4)", [job]
            )
        first.execute("SET LOCAL lock_timeout = '2s'")
        jobs.settle(first, job)
