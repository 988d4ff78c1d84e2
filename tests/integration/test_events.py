"""Server-sent events: what happens is told, what was missed is told again on any process, and places are limited."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest
from flask.testing import FlaskClient

from db import version
from db.events import MOST_JOBS, Moment
from tests.contract import ContractClient
from tests.factories import Factory
from tests.integration.conftest import MakeClient
from web.events import broadcast

HERE = "/api/v1/events"
PATIENCE_SECONDS = 30


class Told(NamedTuple):
    kind: str
    data: dict[str, Any]


class Listener:
    """A reader of the stream, in a thread of its own, since reading waits."""

    def __init__(self, client: FlaskClient, cursor: str | None = None, **headers: str) -> None:
        sent = {**({} if cursor is None else {"Last-Event-ID": cursor}), **headers}
        streams = broadcast(client.application).streams
        before = streams.now_open()
        self.response = client.get(HERE, headers=sent)
        assert self.response.status_code == 200
        [self._stream] = streams.now_open() - before
        self.cursor = ""
        self._told: queue.Queue[Told | None] = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """As when its connection breaks."""
        self._stream.leave()

    def until(self, wanted: Callable[[Told], bool]) -> list[Told]:
        """What was told, up to the first that is wanted."""
        told: list[Told] = []
        while not told or not wanted(told[-1]):
            told.append(self._next())
        return told

    def job(self, job: int) -> dict[str, Any]:
        """What is told of a job next."""
        return self.until(lambda told: told.kind == "job" and told.data["id"] == job)[-1].data

    def started(self) -> list[Told]:
        """The greeting, which ends with the state of the system."""
        return self.until(lambda told: told.kind == "system")

    def _next(self) -> Told:
        told = self._told.get(timeout=PATIENCE_SECONDS)
        assert told, "the stream ended"
        return told

    def _read(self) -> None:
        fields: dict[str, str] = {}
        for line in self._lines():
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
                continue
            # As browsers do: the id is kept when its event is complete.
            self.cursor = fields.get("id", self.cursor)
            if "data" in fields:
                self._told.put(Told(fields["event"], json.loads(fields["data"])))
            fields = {}
        self._told.put(None)

    def _lines(self) -> Iterator[str]:
        rest = ""
        for piece in self.response.response:
            *lines, rest = (rest + (piece if isinstance(piece, str) else piece.decode())).split("\n")
            yield from lines


@pytest.fixture
def make_client(make_client: MakeClient) -> Iterator[MakeClient]:
    """As ever, and their streams end with the test."""
    with ExitStack() as stack:

        def make(**environ: str) -> ContractClient:
            client = make_client(**environ)
            stack.callback(broadcast(client.application).end)
            return client

        yield make


def change(factory: Factory, task: int, state: str = "succeeded") -> None:
    factory.connection.execute(
        "UPDATE tasks SET state = %s, lease_until = NULL, finished_at = now() WHERE id = %s", [state, task]
    )


def test_a_newcomer_is_told_the_version_what_runs_and_how_the_queues_are(
    client: ContractClient, factory: Factory
) -> None:
    factory.task(factory.job("csv", "succeeded"))
    running = factory.job("coingecko", "running")
    factory.task(running, state="running")
    factory.task(running, state="queued")
    data, job, system = Listener(client).started()
    assert data == ("data", {"version": factory.value("SELECT data_version()")})
    expected = {"id": running, "state": "running", "kind": "coingecko", "progress": {"done": 0, "total": 2}}
    assert job == ("job", expected)
    fetch = system.data["queues"]["fetch"]
    assert (fetch["ready"], fetch["in_flight"], fetch["later"], system.data["workers"]) == (1, 1, 0, 0)
    assert fetch["oldest_waiting_seconds"] >= 0


def test_a_job_is_told_of_when_it_comes_when_it_moves_on_and_when_it_ends(
    client: ContractClient, factory: Factory
) -> None:
    listener = Listener(client)
    listener.started()
    job = client.post("/api/v1/ingest/csv").get_json()["id"]
    assert listener.job(job)["state"] == "queued"
    factory.connection.execute("UPDATE jobs SET state = 'succeeded', finished_at = now() WHERE id = %s", [job])
    change(factory, factory.value("SELECT id FROM tasks"))
    ended = listener.job(job)
    assert (ended["state"], ended["progress"]) == ("succeeded", {"done": 1, "total": 1})


def test_a_change_of_the_data_is_told_with_its_version(client: ContractClient, factory: Factory) -> None:
    listener = Listener(client)
    [first] = [told for told in listener.started() if told.kind == "data"]
    version.advance(factory.connection)
    [told] = listener.until(lambda told: told.kind == "data")[-1:]
    assert told.data["version"] == factory.value("SELECT data_version()") != first.data["version"]


def test_who_comes_back_is_told_what_was_missed_by_whatever_process(make_client: MakeClient, factory: Factory) -> None:
    job, other = factory.job("csv", "running"), factory.job("csv", "running")
    missed = factory.task(job, state="running")
    factory.task(other, state="running")
    listener = Listener(make_client())
    listener.started()
    listener.leave()
    change(factory, missed)
    again = Listener(make_client(), listener.cursor).started()
    # The other job may be told of again: while any transaction on this server was open, a cursor stays behind it.
    assert job in [told.data["id"] for told in again if told.kind == "job"]
    assert not [told for told in again if told.kind in ("data", "reset")]


def test_what_a_long_transaction_changed_is_told_when_it_has_committed(
    make_client: MakeClient, factory: Factory
) -> None:
    job, later = factory.job("csv", "running"), factory.job("csv", "running")
    slow, quick = factory.task(job, state="running"), factory.task(later, state="running")
    client = make_client()
    with factory.connection.transaction():
        change(factory, slow)
        # Others come and go meanwhile.
        client.post("/api/v1/ingest/csv")
        listener = Listener(client)
        listener.started()
    assert listener.job(job)["progress"]["done"] == 1
    change(factory, quick)
    assert listener.job(later)["progress"]["done"] == 1


@pytest.mark.parametrize(
    "cursor",
    ["nonsense", "0-1.1", "12-5.7'; DROP TABLE jobs", "999999999999999999-1.1", "99999999999999999999999-1.1", "٣-1.1"],
)
def test_who_comes_with_no_cursor_of_ours_reads_everything_anew(client: ContractClient, cursor: str) -> None:
    listener = Listener(client, cursor.encode().decode("latin-1"))
    assert [told.kind for told in listener.started()] == ["reset", "data", "system"]


def test_who_missed_too_much_reads_everything_anew(client: ContractClient, factory: Factory) -> None:
    listener = Listener(client)
    listener.started()
    for _ in range(MOST_JOBS + 1):
        factory.task(factory.job("csv", "succeeded"))
    assert "reset" in [told.kind for told in Listener(client, listener.cursor).started()]


def test_a_restored_database_s_numbers_to_come_are_no_changes(client: ContractClient, factory: Factory) -> None:
    old = factory.job("csv", "succeeded")
    factory.task(old, changed="9000000000000000000")
    listener = Listener(client)
    listener.started()
    job = factory.job("csv", "running")
    factory.task(job, state="running")
    told = listener.until(lambda told: told.kind == "job")
    assert told[-1].data["id"] == job


def test_beyond_so_many_streams_a_client_is_sent_to_poll_until_one_leaves(make_client: MakeClient) -> None:
    client = make_client(MAX_EVENT_STREAMS="1")
    listener = Listener(client)
    listener.started()
    refused = client.get(HERE)
    assert (refused.status_code, refused.content_type) == (503, "application/problem+json")
    assert int(refused.headers["Retry-After"]) > 0
    listener.leave()
    assert Listener(client).started()


def test_a_question_about_the_head_takes_no_place(make_client: MakeClient) -> None:
    client = FlaskClient(make_client(MAX_EVENT_STREAMS="1").application)
    for _ in range(3):
        with client.head(HERE) as answer:
            assert (answer.status_code, answer.content_type) == (200, "text/event-stream")
    assert Listener(client).started()


def test_no_proxy_keeps_or_holds_back_what_is_told(client: ContractClient) -> None:
    headers = Listener(client).response.headers
    assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")


def test_without_redis_all_is_told_by_looking_now_and_then(make_client: MakeClient, factory: Factory) -> None:
    listener = Listener(make_client(REDIS_URL="redis://127.0.0.1:1"))
    listener.started()
    job = factory.job("csv", "running")
    factory.task(job, state="running")
    assert listener.job(job)["state"] == "running"


def test_where_reading_needs_a_key_listening_does_too(make_client: MakeClient) -> None:
    client = FlaskClient(make_client(API_KEYS="ray:read:secret-ray", READ_ACCESS="key").application)
    assert client.get(HERE).status_code == 401
    assert Listener(client, **{"X-API-Key": "secret-ray"}).started()


def test_a_process_that_is_asked_to_stop_ends_its_streams_and_begins_no_more(client: ContractClient) -> None:
    listener = Listener(client)
    listener.started()
    broadcast(client.application).end()
    with pytest.raises(AssertionError, match="the stream ended"):
        listener.until(lambda _: False)
    assert client.get(HERE).status_code == 503


def test_a_cursor_leads_back_to_before_the_moment_that_gave_it() -> None:
    moment = Moment("100:120:100,110", "7.1700000000000")
    back = Moment.of_cursor(moment.cursor)
    assert back == Moment("100:100:", "7.1700000000000")
    assert back.is_before(moment)
    assert not moment.is_before(Moment("90:95:", "7.1700000000000"))
    assert not back.is_before(Moment("200:200:", "7.1800000000000"))
