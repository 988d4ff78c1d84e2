"""The bounded memory, and the one question for many."""

from __future__ import annotations

import threading

import pytest

from core.kept import Kept
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


def test_who_comes_while_the_version_is_being_asked_for_gets_the_next_one_and_shares_it() -> None:
    ask = _Slow()
    freshness = Freshness(ask)
    told: list[str] = []
    first = threading.Thread(target=lambda: told.append(freshness.version()))
    first.start()
    ask.begun[0].wait()
    late = [threading.Thread(target=lambda: told.append(freshness.version())) for _ in range(5)]
    for thread in late:
        thread.start()
    while len(freshness._changed._waiters) < 5:  # type: ignore[attr-defined]
        pass
    ask.go_on[0].set()
    ask.go_on[1].set()
    for thread in [first, *late]:
        thread.join()
    assert (sorted(told), ask.asked) == (["0", *["1"] * 5], 2)


def test_an_asking_that_failed_is_told_to_its_askers_and_the_next_one_asks_again() -> None:
    ask = _Slow()
    ask.go_on[0].set()
    ask.go_on[1].set()
    ask.fails = True
    freshness = Freshness(ask)
    with pytest.raises(ConnectionError):
        freshness.version()
    ask.fails = False
    assert freshness.version() == "1"
