"""A page whose very bytes were merged before: when its task takes over what came of it then, and when it is merged."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import pytest

from core.registry import Registry
from core.settings import Settings
from core.sources import SOURCES
from core.sources.source import Ask
from db import coins, corrections, history, jobs, jobviews, quotes, reprocess, tasks
from db.jobs import Doorbell, Part, TaskOrder
from db.pool import Connection, Database
from db.quotes import Rules
from db.tasks import Outcome
from db.uploads import store_upload
from tests.factories import Factory
from workers.budget import Budget
from workers.gate import Gate
from workers.lanes import Lanes
from workers.lease import Holdings
from workers.queue import Bell, connect
from workers.work import Work, read_pages

SETTINGS = Settings.from_env({})
RULES = Rules.of(SETTINGS, Registry())
HEADER = "symbol,name,price,open,observed_at"
# More lines than a page has.
_MANY = 10_010
_TABLES: Sequence[LiteralString] = (
    *("SELECT t.ctid, t.xmin, t.* FROM cryptocurrencies t", "SELECT t.ctid, t.xmin, t.* FROM source_mappings t"),
    *("SELECT t.ctid, t.xmin, t.* FROM quotes t", "SELECT t.ctid, t.xmin, t.* FROM price_history t"),
    "SELECT data_version()",
)
_PARTS: LiteralString = (
    "SELECT id, kind, source, params, cursor, batch_id, max_attempts FROM tasks WHERE id = ANY (%s) ORDER BY id"
)


def row(coin: str, at: object = "2024-05-01T00:00:00Z", price: object = 1) -> str:
    return f"{coin.upper()},{coin},{price},2,{at}"


def minutes(coin: str, count: int) -> list[str]:
    """A coin's quotes minute by minute."""
    begin = datetime(2024, 5, 1, tzinfo=UTC)
    return [row(coin, (begin + timedelta(minutes=minute)).isoformat()) for minute in range(count)]


def file(*rows: str) -> bytes:
    return "\n".join([HEADER, *rows, ""]).encode()


FILE = file(row("btc"), row("eth"), row("ada", price="lots"), row("btc", "2024-05-02"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=8)
    yield database
    database.close()


@pytest.fixture
def work(database: Database, redis_url: str) -> Work:
    gate = Gate(SETTINGS, database, Budget(connect(redis_url), {}))
    holdings = Holdings(database, SETTINGS.lease)
    stopping = threading.Event()
    return Work(SETTINGS, database, Bell(redis_url), holdings, RULES, gate, Lanes(4), worker="w", stopping=stopping)


class Files:
    """Uploads files and has them ingested."""

    def __init__(self, work: Work, database: Database) -> None:
        self._work = work
        self.database = database

    def accept(self, content: bytes, **columns: str) -> Doorbell:
        """Put a job for it on record; the bell of its fetch."""
        with self.database.transaction() as connection:
            upload = store_upload(connection, "quotes.csv", [content])
            orders = [TaskOrder("csv", {"upload": upload, "columns": columns})]
            made = jobs.submit(connection, kind="csv", orders=orders, max_attempts=4, requested_by="test")
        return made.doorbells[0]

    def ingest(self, content: bytes, **columns: str) -> dict[str, Any]:
        """What became of its job."""
        return self.finish(self.accept(content, **columns))

    def finish(self, bell: Doorbell) -> dict[str, Any]:
        self._work.do(bell)
        with self.database.connection() as connection:
            view = jobviews.one_job(connection, self.job_of(bell), with_coins=True)
        (part,) = view.parts
        return {
            "state": view.head.state,
            "stored": view.head.stored,
            "rows": part.rows,
            "rejected": [(rejected.row, rejected.reason, rejected.raw) for rejected in view.rejections],
            "reasons": dict(view.reasons),
            "coins": list(view.coins),
            "notes": part.notes,
            "pages": sum(step.tasks for step in view.steps if step.task == "normalize"),
            "pages_known": part.pages_known,
        }

    def job_of(self, bell: Doorbell) -> int:
        return int(self._value("SELECT job_id FROM tasks WHERE id = %s", bell.task_id))

    def data(self) -> list[Any]:
        """Everything that a merge writes, with which transaction wrote it and where it lies."""
        with self.database.connection() as connection:
            return [sorted(map(str, connection.execute(query))) for query in _TABLES]

    def observations(self) -> int:
        return int(self._value("SELECT count(*) FROM price_history"))

    def fetched_only(self, content: bytes) -> list[Doorbell]:
        """Have its pages stored and none of them merged; their bells."""
        claimed = tasks.claim(self.database, self.accept(content).task_id, worker="w", lease=60)
        assert claimed is not None
        bells: list[Doorbell] = []
        for page in SOURCES["csv"].pages(Ask(SETTINGS, open_file=lambda: io.BytesIO(content)), {}):
            with tasks.holding(self.database, claimed) as connection:
                bells += tasks.store_pages(connection, claimed, [page], lease=60)
        return bells

    def _value(self, query: LiteralString, *values: object) -> Any:
        with self.database.connection() as connection:
            found = connection.execute(query, values).fetchone()
        assert found is not None
        return found[0]


@pytest.fixture
def files(work: Work, database: Database) -> Files:
    return Files(work, database)


def test_the_same_file_again_writes_nothing_and_its_job_tells_the_same(files: Files) -> None:
    first = files.ingest(FILE)
    assert (first["state"], first["stored"], first["rows"], first["coins"]) == ("succeeded", 2, 4, ["btc", "eth"])
    assert first["rejected"] == [(4, "price is not a number: 'lots'", "ADA,ada,lots,2,2024-05-01T00:00:00Z")]
    before = files.data()
    for _ in range(2):
        assert files.ingest(FILE) == first | {"pages_known": 1}
    assert files.data() == before


def test_a_file_that_grew_is_merged_from_where_it_grew(files: Files) -> None:
    lines = [*minutes("btc", _MANY), *minutes("eth", _MANY)]
    first = files.ingest(file(*lines))
    assert (first["pages"], first["stored"]) == (3, 2)
    again = files.ingest(file(*lines, row("ada")))
    assert (again["pages"], again["pages_known"], again["stored"], again["rows"]) == (3, 2, 3, 2 * _MANY + 1)
    assert again["coins"] == ["btc", "eth", "ada"]
    assert files.observations() == 2 * _MANY + 1


def test_what_follows_a_changed_page_is_merged_and_all_its_coins_are_counted(files: Files) -> None:
    ours, theirs = minutes("btc", _MANY), minutes("eth", 10_000)
    files.ingest(file(*ours))
    files.ingest(file(*theirs))
    # Both of its pages came before, byte for byte. But the second one named no coin: the page before it had named it.
    both = files.ingest(file(*theirs, *ours[10_000:]))
    assert (both["pages"], both["pages_known"], both["stored"]) == (2, 1, 2)


def test_another_choice_of_columns_is_another_file(files: Files) -> None:
    files.ingest(FILE)
    again = files.ingest(FILE, price="open")
    assert (again["pages_known"], again["rows"], again["rejected"]) == (0, 4, [])


@pytest.mark.parametrize("at", ["", "2100-01-01", "some day"])
def test_a_page_with_a_row_whose_time_is_the_fetchs_to_tell_is_never_known(files: Files, at: str) -> None:
    content = file(row("btc"), row("eth", at))
    assert [files.ingest(content)["pages_known"] for _ in range(3)] == [0, 0, 0]
    assert files.observations() == (1 if at else 4)


def test_cleared_data_come_again(files: Files) -> None:
    first = files.ingest(FILE)
    with files.database.transaction() as connection:
        coins.clear_data(connection)
    assert files.ingest(FILE) == first
    assert files.observations() == 3


def test_after_a_correction_a_file_is_merged_again_and_counts_the_coins_as_they_are_now(files: Files) -> None:
    files.ingest(FILE)
    with files.database.transaction() as connection:
        corrections.correct(connection, "csv", "eth-eth", RULES, canonical_id="btc", relation="same")
    again = files.ingest(FILE)
    assert (again["pages_known"], again["stored"]) == (0, 1)
    assert files.ingest(FILE)["pages_known"] == 1
    with files.database.transaction() as connection:
        corrections.forget(connection, "csv", "eth-eth", RULES)
    again = files.ingest(FILE)
    assert (again["pages_known"], again["stored"]) == (0, 2)


def test_after_ids_were_given_anew_a_file_is_merged_again(files: Files) -> None:
    files.ingest(FILE)
    with files.database.transaction() as connection:
        assert reprocess.rebuild_identity(connection, RULES) == 0
    assert files.ingest(FILE)["pages_known"] == 1
    with files.database.transaction() as connection:
        connection.execute("UPDATE source_mappings SET symbol_key = 'of an older release'")
    files.ingest(FILE)
    with files.database.transaction() as connection:
        reprocess.rebuild_identity(connection, RULES)
    assert files.ingest(FILE)["pages_known"] == 0


def test_observations_that_were_dropped_come_again(files: Files) -> None:
    files.ingest(FILE)
    year = 365 * 86_400.0
    assert history.prune_history(files.database, 50 * year) == 0
    assert files.ingest(FILE)["pages_known"] == 1
    assert history.prune_history(files.database, 60.0) == 3
    assert files.ingest(FILE)["pages_known"] == 0
    assert files.observations() == 3


def test_a_page_that_was_not_merged_is_not_known(files: Files) -> None:
    (cancelled,) = files.fetched_only(FILE)
    jobs.cancel(files.database, files.job_of(cancelled))
    (failed,) = files.fetched_only(FILE)
    claimed = tasks.claim(files.database, failed.task_id, worker="w", lease=60)
    assert claimed is not None
    with tasks.holding(files.database, claimed) as connection:
        tasks.fail(connection, claimed, "no")
    assert files.ingest(FILE)["pages_known"] == 0
    assert files.observations() == 3


def test_a_page_of_the_release_before_is_merged(files: Files, factory: Factory) -> None:
    (page,) = files.fetched_only(FILE)
    factory.connection.execute("UPDATE raw_batches SET digest = NULL")
    assert files.finish(page)["state"] == "succeeded"
    assert [files.ingest(FILE)["pages_known"] for _ in range(2)] == [0, 1]


def test_what_is_known_outlives_the_page_itself_but_not_its_job(files: Files, factory: Factory) -> None:
    first = files.ingest(FILE)
    factory.connection.execute("DELETE FROM raw_batches")
    factory.connection.execute("DELETE FROM upload_chunks")
    assert files.ingest(FILE) == first | {"pages_known": 1}
    factory.connection.execute("DELETE FROM jobs WHERE id = (SELECT min(id) FROM jobs)")
    assert files.ingest(FILE) == first | {"pages_known": 1}
    factory.connection.execute("DELETE FROM jobs")
    assert files.ingest(FILE) == first


def merge(files: Files, bells: Sequence[Doorbell], meanwhile: LiteralString) -> None:
    """Merge pages of a job as a worker does; when they have been read, another transaction does something else."""
    claims = tasks.claim_pages(files.database, bells[0].task_id, worker="w", lease=60, most=20)
    assert len(claims) == len(bells)
    outcomes: list[Outcome] = []
    with tasks.holding(files.database, *claims) as connection:
        pages = list(read_pages(connection, claims, outcomes))
        with files.database.transaction() as other:
            other.execute(meanwhile)
        tasks.succeed_all(connection, claims, outcomes, quotes.store_pages(connection, "csv", pages, RULES))


@pytest.mark.parametrize(
    "meanwhile",
    [
        "TRUNCATE cryptocurrencies, redirects, source_mappings, quotes, price_history",
        "DELETE FROM price_history",
        "DELETE FROM quotes",
        "UPDATE source_mappings SET relation = relation",
    ],
)
def test_a_page_merged_while_something_was_taken_away_is_not_known(files: Files, meanwhile: LiteralString) -> None:
    files.ingest(file(row("btc")))
    merge(files, files.fetched_only(FILE), meanwhile)
    assert [files.ingest(FILE)["pages_known"] for _ in range(2)] == [0, 1]
    assert files.observations() == 3


def test_a_page_taken_over_while_something_is_being_taken_away_waits_for_nothing(files: Files) -> None:
    files.ingest(FILE)
    with files.database.transaction() as other:
        other.execute("DELETE FROM price_history")
        # It comes before what isn't committed yet.
        assert files.ingest(FILE)["pages_known"] == 1
    assert files.ingest(FILE)["pages_known"] == 0
    assert files.observations() == 3


def test_upheavals_do_not_wait_for_each_other(files: Files) -> None:
    def upheave(connection: Connection) -> None:
        connection.execute("SET LOCAL lock_timeout = '5s'")
        connection.execute("DELETE FROM price_history WHERE observed_at = (SELECT max(observed_at) FROM price_history)")
        connection.execute("UPDATE source_mappings SET relation = relation WHERE false")

    files.ingest(FILE)
    with files.database.transaction() as first:
        upheave(first)
    files.ingest(FILE)
    with files.database.transaction() as one, files.database.transaction() as other:
        upheave(one)
        other.execute("SET LOCAL lock_timeout = '5s'")
        other.execute("UPDATE source_mappings SET relation = relation")
        assert files.ingest(FILE)["pages_known"] == 1
    with files.database.connection() as connection:
        assert connection.execute("SELECT data_epoch()").fetchone() == (3,)
    assert [files.ingest(FILE)["pages_known"] for _ in range(2)] == [0, 1]


def test_the_same_file_by_two_jobs_at_once_leaves_the_data_of_one(files: Files) -> None:
    content = file(*minutes("btc", 300), *minutes("eth", 300))
    bells = [files.accept(content) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(files.finish, bells))
    assert {(each["state"], each["stored"], each["rows"]) for each in told} == {("succeeded", 2, 600)}
    assert files.observations() == 600
    before = files.data()
    assert files.ingest(content)["pages_known"] == 1
    assert files.data() == before


def test_a_file_that_was_merged_behind_another_is_merged_again(files: Files) -> None:
    """As after a retry of many dead letters: the second page named no coin that the first hadn't named."""
    content, other = file(row("btc"), row("eth")), file(row("btc", "2024-06-01"), row("eth", "2024-06-01"))
    bells = [*files.fetched_only(content), *files.fetched_only(other)]
    with files.database.transaction() as connection:
        parts = connection.execute(_PARTS, [[bell.task_id for bell in bells]]).fetchall()
        made = jobs.run_again(
            connection, [Part(*part) for part in parts], kind="csv", requested_by="test", retry_of=None
        )
    merge(files, made.doorbells, "SELECT 1")
    assert files.ingest(content)["pages_known"] == 1
    again = files.ingest(other)
    assert (again["pages_known"], again["stored"]) == (0, 2)


def test_a_fetch_that_goes_on_behind_pages_of_another_job_merges_its_own(files: Files) -> None:
    """As in a retry: its job hasn't the pages before, whose coins are left out where they come again."""
    lines = minutes("btc", _MANY)
    bell = files.accept(file(*lines))
    files.finish(bell)
    with files.database.transaction() as connection:
        # Since its last page the fetch has the cursor behind the one before.
        part = Part(*connection.execute(_PARTS, [[bell.task_id]]).fetchall()[0])
        assert part.cursor["number"] == 1
        made = jobs.run_again(connection, [part], kind="csv", requested_by="test", retry_of=None)
    told = files.finish(made.doorbells[0])
    assert (told["pages"], told["pages_known"], told["stored"], told["rows"]) == (1, 0, 1, _MANY - 10_000)
