"""What a worker makes of a task, against a real Postgres and the stand-in for the providers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from core.errors import GiveUp
from core.registry import Registry
from core.settings import Settings
from db.jobs import Doorbell
from db.leases import take_back_lost
from db.pool import Database
from db.quotes import Rules
from db.tasks import Claim
from tests.factories import Factory
from tests.upstream.markets import made_up
from tests.upstream.server import Upstream
from tests.waiting import until
from workers.budget import Budget
from workers.gate import Gate
from workers.lanes import Lanes
from workers.lease import Holdings
from workers.queue import Bell, connect
from workers.work import Work

PAGES = "/coins/markets"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=4)
    yield database
    database.close()


class Meanwhile(Gate):
    """A gate at which something happens, once, while a fetch passes it."""

    def __init__(self, settings: Settings, database: Database, budget: Budget) -> None:
        super().__init__(settings, database, budget)
        self.happens: list[Callable[[], object]] = []

    def rest_left(self, claimed: Claim) -> float:
        while self.happens:
            self.happens.pop()()
        return super().rest_left(claimed)


class Stopping(threading.Event):
    """Set by the next time but one that it is looked at, when `soon`."""

    soon = False

    def is_set(self) -> bool:
        was = super().is_set()
        if self.soon:
            self.set()
        return was


@pytest.fixture
def stopping() -> Stopping:
    return Stopping()


@pytest.fixture
def settings(upstream: Upstream, redis_url: str) -> Settings:
    return Settings.from_env({**upstream.environ, "RETRY_BASE_DELAY": "0.001", "REDIS_URL": redis_url})


@pytest.fixture
def gate(settings: Settings, database: Database, redis_url: str) -> Meanwhile:
    return Meanwhile(settings, database, Budget(connect(redis_url), {}))


@pytest.fixture
def work(settings: Settings, database: Database, redis_url: str, gate: Gate, stopping: Stopping) -> Work:
    return Work(
        settings,
        database,
        Bell(redis_url),
        Holdings(database, settings.lease),
        Rules.of(settings, Registry()),
        gate,
        Lanes(1),
        worker="w",
        stopping=stopping,
    )


def test_tries_count_anew_after_each_page_also_within_one_claim(
    work: Work, factory: Factory, upstream: Upstream
) -> None:
    task = factory.task(
        factory.job("coingecko", "queued"), "coingecko", state="queued", max_attempts=2, params='{"limit": 300}'
    )
    for page in (1, 2):
        upstream.behave(PAGES, page=page, status=500)

    def tried() -> bool:
        work.do(Doorbell(task, "fetch", "coingecko"))
        return bool(factory.value("SELECT finished_at IS NOT NULL FROM tasks ORDER BY id LIMIT 1"))

    until(tried, "the fetch has ended")
    assert factory.value("SELECT state FROM tasks WHERE kind = 'fetch'") == "succeeded"


def test_a_fetch_claimed_while_the_process_is_told_to_stop_is_handed_back_unbegun(
    work: Work, factory: Factory, upstream: Upstream, stopping: Stopping
) -> None:
    task = factory.task(factory.job("coingecko", "queued"), "coingecko", state="queued")
    stopping.soon = True
    work.do(Doorbell(task, "fetch", "coingecko"))
    assert factory.value("SELECT (state, attempt, fence)::text FROM tasks") == "(queued,0,2)"
    assert upstream.log == []


def test_one_page_that_cannot_be_read_costs_no_other_that_is_merged_with_it(work: Work, factory: Factory) -> None:
    job = factory.job("coingecko", "running")
    fetch = factory.task(job, "coingecko", state="succeeded")
    good = '[{"id": "bitcoin", "symbol": "btc", "name": "Bitcoin", "current_price": 1}]'
    for number, body in enumerate((good, '{"not": "quotes"}', good), 1):
        factory.connection.execute(
            "INSERT INTO raw_batches (task_id, number, body, meta) VALUES (%s, %s, %s, '{\"take\": 1}')",
            [fetch, number, body.encode()],
        )
        batch = factory.value("SELECT max(id) FROM raw_batches")
        page = factory.task(job, "coingecko", kind="normalize", state="queued", batch_id=batch)
    work.do(Doorbell(page, "normalize", "coingecko"))
    found = factory.value("SELECT array_agg(state ORDER BY id) FROM tasks WHERE kind = 'normalize'")
    assert found == ["succeeded", "failed", "succeeded"]
    assert factory.value("SELECT state FROM jobs") == "partial_success"


def test_pages_whose_merge_failed_after_longer_than_a_lease_are_not_taken_back(
    work: Work, factory: Factory, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = factory.job("csv", "running")
    pages = [factory.task(job, "csv", kind="normalize", state="queued") for _ in range(3)]
    taken_back: list[int] = []

    def fail(claims: Sequence[Claim]) -> bool:
        if len(claims) > 1:
            factory.connection.execute("UPDATE tasks SET lease_until = now() - interval '1 second'")
        else:
            taken_back.append(take_back_lost(database))
        raise GiveUp("no")

    monkeypatch.setattr(work, "_normalize", fail)
    work.do(Doorbell(pages[0], "normalize", "csv"))
    assert taken_back == [0, 0, 0]
    assert factory.value("SELECT array_agg(DISTINCT errors -> 0 ->> 'detail') FROM tasks") == ["no"]


def order(factory: Factory) -> Doorbell:
    task = factory.task(factory.job("coingecko", "queued"), "coingecko", state="queued", params='{"limit": 5}')
    return Doorbell(task, "fetch", "coingecko")


def test_a_fetch_goes_on_with_its_only_page_which_it_claims_as_it_stores_it(work: Work, factory: Factory) -> None:
    work.do(order(factory))
    assert factory.value("SELECT state FROM jobs") == "succeeded"
    assert factory.value("SELECT array_agg(kind ORDER BY id) FROM tasks") == ["fetch", "normalize"]
    assert factory.value("SELECT started_at = created_at FROM tasks WHERE kind = 'normalize'")


def test_a_fetch_goes_on_with_its_last_page_of_several_without_waiting_for_a_bell(work: Work, factory: Factory) -> None:
    task = factory.task(factory.job("coingecko", "queued"), "coingecko", state="queued", params='{"limit": 300}')
    work.do(Doorbell(task, "fetch", "coingecko"))
    assert factory.value("SELECT state FROM jobs") == "succeeded"
    assert factory.value("SELECT count(*) FROM tasks WHERE kind = 'normalize' AND started_at > created_at") == 2


def test_a_thread_that_another_fetch_waits_for_leaves_its_page_to_a_bell(
    work: Work, factory: Factory, gate: Meanwhile
) -> None:
    first, second = order(factory), order(factory)
    gate.happens = [lambda: work.do(second)]
    work.do(first)
    states = factory.value("SELECT array_agg(state ORDER BY id) FROM tasks")
    assert states == ["succeeded", "succeeded", "queued", "succeeded"]


def test_a_process_that_is_to_stop_claims_no_page_that_it_stores(
    work: Work, factory: Factory, gate: Meanwhile, stopping: Stopping
) -> None:
    gate.happens = [stopping.set]
    work.do(order(factory))
    assert factory.value("SELECT array_agg((state, attempt)::text ORDER BY id) FROM tasks") == [
        "(succeeded,1)",
        "(queued,0)",
    ]


def test_behind_its_only_page_a_fetch_goes_on_with_what_else_waits_of_its_job(work: Work, factory: Factory) -> None:
    bell = order(factory)
    job = factory.value("SELECT job_id FROM tasks")
    fetch = factory.task(factory.job("coingecko", "failed"), "coingecko", state="succeeded")
    factory.connection.execute(
        "INSERT INTO raw_batches (task_id, number, body, meta) VALUES (%s, 1, '[]', '{\"take\": 0}')", [fetch]
    )
    batch = factory.value("SELECT id FROM raw_batches")
    factory.task(job, "coingecko", kind="normalize", state="queued", batch_id=batch)
    work.do(bell)
    assert factory.value("SELECT state FROM jobs ORDER BY id LIMIT 1") == "succeeded"


def test_pages_that_came_quickly_are_stored_before_the_error_that_followed_them_and_not_fetched_again(
    work: Work, factory: Factory, upstream: Upstream
) -> None:
    task = factory.task(factory.job("coingecko", "queued"), "coingecko", state="queued", params='{"limit": 1250}')
    market = made_up(1250)
    upstream.markets = lambda: market
    upstream.behave(PAGES, page=4, status=500)
    work.do(Doorbell(task, "fetch", "coingecko"))
    assert factory.value("SELECT array_agg(number ORDER BY number) FROM raw_batches") == [1, 2, 3]
    assert factory.value("SELECT cursor ->> 'page' FROM tasks WHERE kind = 'fetch'") == "4"

    def fetched() -> bool:
        work.do(Doorbell(task, "fetch", "coingecko"))
        return bool(factory.value("SELECT finished_at IS NOT NULL FROM tasks WHERE kind = 'fetch'"))

    until(fetched, "the fetch has ended")
    assert [seen.query["page"] for seen in upstream.log] == ["1", "2", "3", "4", "4", "5"]
