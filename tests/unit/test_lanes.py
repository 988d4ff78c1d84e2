"""A source has a share of a process' threads; what is beyond waits without one, and in line."""

from __future__ import annotations

import threading

import pytest

from db.jobs import Doorbell
from workers.lanes import Lanes, lanes_for


def ring(task: int, source: str = "coingecko") -> Doorbell:
    return Doorbell(task, "fetch", source)


@pytest.mark.parametrize(("threads", "sources", "lanes"), [(8, 3, 2), (1, 3, 1), (3, 3, 1), (4, 3, 1), (31, 3, 10)])
def test_all_sources_together_leave_a_thread_where_there_are_enough(threads: int, sources: int, lanes: int) -> None:
    assert lanes_for(threads, sources) == lanes


def test_a_source_that_has_its_share_does_not_keep_another_from_entering() -> None:
    lanes = Lanes(2)
    assert [lanes.enter(ring(task)) for task in (1, 2, 3)] == [True, True, False]
    assert lanes.enter(ring(4, "csv"))


def test_who_waits_follows_in_the_order_of_the_rings_and_then_the_room_is_free() -> None:
    lanes = Lanes(1)
    lanes.enter(ring(1))
    for task in (2, 3, 2):
        assert not lanes.enter(ring(task))
    assert [lanes.following("coingecko") for _ in range(3)] == [ring(2), ring(3), None]
    assert lanes.enter(ring(4))


def test_room_is_free_again_after_a_fetch_that_broke_off() -> None:
    lanes = Lanes(1)
    lanes.enter(ring(1))
    lanes.leave("coingecko")
    assert lanes.enter(ring(2))


def test_a_process_that_stops_gives_up_who_waits() -> None:
    lanes = Lanes(1)
    for task in (1, 2, 3):
        lanes.enter(ring(task))
    assert lanes.clear() == [ring(2), ring(3)]
    assert lanes.following("coingecko") is None


def test_no_ring_is_lost_between_threads_and_the_share_is_never_exceeded() -> None:
    lanes, lock = Lanes(3), threading.Lock()
    done: list[int] = []
    at_once = highest = 0

    def answer(task: int) -> None:
        nonlocal at_once, highest
        following: Doorbell | None = ring(task) if lanes.enter(ring(task)) else None
        while following:
            with lock:
                at_once += 1
                highest = max(highest, at_once)
            with lock:
                at_once -= 1
                done.append(following.task_id)
            following = lanes.following("coingecko")

    def answer_every_eighth(start: int) -> None:
        for task in range(start, 800, 8):
            answer(task)

    threads = [threading.Thread(target=answer_every_eighth, args=[start]) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(done) == list(range(800))
    assert highest <= 3
