"""Bells are heard over a real Valkey: by name of their queues, and beside other news."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence

import pytest

from db.jobs import Doorbell
from tests.waiting import until
from workers.news import CHANNEL, Ear
from workers.queue import Bell, connect

FETCH, NORMALIZE = Doorbell(17, "fetch", "csv"), Doorbell(18, "normalize", "csv")


@pytest.fixture
def heard(redis_url: str) -> Iterator[queue.Queue[Sequence[str]]]:
    words: queue.Queue[Sequence[str]] = queue.Queue()
    ear = Ear(redis_url, words.put)
    ear.open()
    with connect(redis_url) as client:
        until(lambda: client.pubsub_numsub(CHANNEL)[0][1], "somebody listens")
    yield words
    ear.close()


def test_a_bell_tells_in_which_queues_it_rang(heard: queue.Queue[Sequence[str]], redis_url: str) -> None:
    bell = Bell(redis_url)
    bell.ring([FETCH])
    bell.tell()
    bell.ring([NORMALIZE, FETCH, NORMALIZE])
    assert [sorted(heard.get(timeout=30)) for _ in range(3)] == [["fetch"], [], ["fetch", "normalize"]]
