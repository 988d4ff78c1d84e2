"""The bounded memory, and the one question for many."""

from __future__ import annotations

import threading
from concurrent.futures import Future

import pytest

from core.kept import Kept
from tests.waiting import until
from web.freshness import Freshness


def test_what_is_kept_stays_within_its_bytes_and_the_longest_unused_goes_first() -> None:
    kept: Kept[int] = Kept(100_000)
    for number in range(500):
        kept.keep(number, number, 4_000)
        kept.get(0)
        assert kept.size <= 100_000
    assert (len(kept), kept.get(0), kept.get(1), kept.get(499)) == (20, 0, None, 499)


def test_many_small_things_are_bounded_as_well() -> None:
    kept: Kept[int] = Kept(100_000)
    for number in range(500):
        kept.keep(number, number, 0)
    assert len(kept) == 100


def test_what_is_larger_than_all_room_is_not_kept_and_takes_the_place_of_nothing_but_its_former_self() -> None:
    kept: Kept[str] = Kept(10_000)
    kept.keep("a", "a", 10)
    kept.keep("b", "b", 10)
    kept.keep("b", "larger", 10_000)
    assert (kept.get("a"), kept.get("b"), len(kept)) == ("a", None, 1)


class _Slow:
    """A question whose every asking ends when it is let go on."""

    def __init__(self) -> None:
        self.begun: list[threading.Event] = [threading.Event() for _ in range(10)]
        self.go_on: list[threading.Event] = [threading.Event() for _ in range(10)]
        self.asked = 0
        self.fails = False

    def __call__(self) -> str:
        number = self.asked
        self.asked += 1
        self.begun[number].set()
        self.go_on[number].wait()
        if self.fails:
            raise ConnectionError
        return str(number)


def _waiting(answer: Future[str]) -> int:
    return len(answer._condition._waiters)  # type: ignore[attr-defined]


def test_who_comes_while_a_question_is_being_asked_gets_what_the_next_asking_finds_and_shares_it() -> None:
    ask = _Slow()
    freshness: Freshness[str] = Freshness()
    told: list[str] = []
    first = threading.Thread(target=lambda: told.append(freshness.ask("a", ask)))
    first.start()
    ask.begun[0].wait()
    late = [threading.Thread(target=lambda: told.append(freshness.ask("a", ask))) for _ in range(5)]
    for thread in late:
        thread.start()
    until(lambda: _waiting(freshness._running["a"]) + _waiting(freshness._next["a"]) == 5, "five to wait")
    assert freshness.ask("b", lambda: "another question waits for none of them") != ""
    ask.go_on[0].set()
    ask.begun[1].wait()
    last = threading.Thread(target=lambda: told.append(freshness.ask("a", ask)))
    last.start()
    until(lambda: "a" in freshness._next, "the last to wait")
    ask.go_on[1].set()
    ask.go_on[2].set()
    for thread in [first, *late, last]:
        thread.join()
    assert (sorted(told), ask.asked) == (["0", *["1"] * 5, "2"], 3)
    assert not freshness._running
    assert not freshness._next


def test_an_asking_that_failed_is_told_to_its_askers_and_the_next_one_asks_again() -> None:
    ask = _Slow()
    ask.go_on[0].set()
    ask.go_on[1].set()
    ask.fails = True
    freshness: Freshness[str] = Freshness()
    with pytest.raises(ConnectionError):
        freshness.ask("a", ask)
    ask.fails = False
    assert freshness.ask("a", ask) == "1"


def test_those_who_share_an_asking_that_failed_are_told_all() -> None:
    ask = _Slow()
    freshness: Freshness[str] = Freshness()
    told: list[str] = []

    def caller() -> None:
        try:
            told.append(freshness.ask("a", ask))
        except ConnectionError:
            told.append("failed")

    threads = [threading.Thread(target=caller) for _ in range(3)]
    threads[0].start()
    ask.begun[0].wait()
    for thread in threads[1:]:
        thread.start()
    until(lambda: _waiting(freshness._running["a"]) + _waiting(freshness._next["a"]) == 2, "two to wait")
    ask.go_on[0].set()
    ask.begun[1].wait()
    ask.fails = True
    ask.go_on[1].set()
    for thread in threads:
        thread.join()
    assert told == ["0", "failed", "failed"]
