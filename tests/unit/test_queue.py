"""The doorbell over a pretended Redis: what is rung reaches the right actor, and a Redis that is away harms nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import fakeredis
import pytest
from dramatiq import Worker, actor

from core.errors import Unavailable
from db.jobs import Doorbell
from tests.waiting import until
from workers.queue import QUEUES, Bell, DoorbellBroker, actor_name, make_broker

FETCH = Doorbell(17, "fetch", "coingecko")
NORMALIZE = Doorbell(18, "normalize", "csv")


@pytest.fixture
def server() -> fakeredis.FakeServer:
    return fakeredis.FakeServer()


@pytest.fixture
def broker(server: fakeredis.FakeServer) -> Iterator[DoorbellBroker]:
    broker = make_broker("redis://unused", fakeredis.FakeRedis(server=server))
    yield broker
    broker.close()


@pytest.fixture
def bell(broker: DoorbellBroker) -> Bell:
    return Bell("redis://unused", broker)


def test_a_bell_reaches_the_actor_of_its_source_with_the_tasks_id(broker: DoorbellBroker, bell: Bell) -> None:
    heard: list[tuple[str, int]] = []
    for doorbell in (FETCH, NORMALIZE):

        def answer(task_id: int, name: str = actor_name(doorbell)) -> None:
            heard.append((name, task_id))

        actor(broker=broker, queue_name=doorbell.kind, actor_name=actor_name(doorbell))(answer)
    bell.ring([FETCH, NORMALIZE])
    worker = Worker(broker, worker_timeout=10, worker_threads=1)
    worker.start()
    for queue in QUEUES:
        broker.join(queue, interval=5, timeout=5000)
    worker.stop()
    assert sorted(heard) == [("fetch_coingecko", 17), ("normalize", 18)]


def test_a_message_holds_the_tasks_id_and_nothing_else(broker: DoorbellBroker, bell: Bell) -> None:
    bell.ring([FETCH])
    (message,) = broker.client.hvals("dramatiq:fetch.msgs")
    assert b'"args":[17]' in message
    assert b'"kwargs":{}' in message


def test_depths_count_what_waits_and_what_a_worker_has_taken(broker: DoorbellBroker, bell: Bell) -> None:
    for queue in QUEUES:
        broker.declare_queue(queue)
    bell.ring([FETCH, FETCH, NORMALIZE])
    next(broker.consume("fetch", prefetch=1))
    depths = bell.depths()
    assert (depths["fetch"].ready, depths["fetch"].in_flight) == (1, 1)
    assert (depths["normalize"].ready, depths["normalize"].in_flight) == (1, 0)
    assert bell.ready() == 2


def test_a_process_that_is_to_stop_leaves_messages_to_others(broker: DoorbellBroker, bell: Bell) -> None:
    broker.declare_queue("fetch")
    bell.ring([FETCH])
    broker.stopping = threading.Event()
    broker.stopping.set()
    assert next(broker.consume("fetch", prefetch=1, timeout=1)) is None
    broker.stopping.clear()
    assert next(broker.consume("fetch", prefetch=1, timeout=1)) is not None


def test_a_consumer_at_an_empty_queue_has_a_message_as_soon_as_it_hears_the_bell(
    broker: DoorbellBroker, bell: Bell
) -> None:
    broker.patience = 300.0
    found: list[bytes] = []
    consumer = threading.Thread(target=lambda: found.extend(broker.do_fetch("fetch", 1)))
    consumer.start()
    bell.ring([FETCH])

    def found_it() -> bool:
        broker.hear(["normalize", "fetch", "of a later release"])
        return not consumer.is_alive()

    until(found_it, "the consumer has its message")
    assert len(found) == 1


def test_a_bell_that_nobody_heard_is_found_all_the_same(broker: DoorbellBroker, bell: Bell) -> None:
    broker.patience = 0.001
    assert broker.do_fetch("fetch", 1) == []
    bell.ring([FETCH])
    assert len(broker.do_fetch("fetch", 1)) == 1


def test_no_delay_queue_is_ever_polled(broker: DoorbellBroker) -> None:
    broker.declare_queue("fetch")
    assert broker.get_declared_delay_queues() == set()


def test_ringing_while_redis_is_away_is_logged_and_ignored(
    server: fakeredis.FakeServer, bell: Bell, caplog: pytest.LogCaptureFixture
) -> None:
    server.connected = False
    bell.ring([FETCH])
    assert "doorbell not rung" in caplog.text


def test_a_redis_that_is_away_is_said_to_be(server: fakeredis.FakeServer, bell: Bell) -> None:
    server.connected = False
    with pytest.raises(Unavailable, match="Redis"):
        bell.depths()
    with pytest.raises(Unavailable, match="Redis"):
        bell.ping_ms()
