"""Who waits at the desk gets what was asked after they came, together with all who came by then, or is sent on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, cast

import pytest

from core.errors import Unavailable
from db.line import Line
from web.access import Access
from web.desk import Desk, Found
from web.reads import Reads, Ready

COIN = "/api/v1/coins/btc?"
STATS = "/api/v1/stats?"


class _Reads(Reads):
    """Answers as the test sets them."""

    def __init__(self) -> None:
        self.ready: dict[str, Ready] = {}
        self.found: dict[str, Ready | None] = {}

    def kept(self, address: str) -> Ready | None:
        return self.ready.get(address)

    def find(self, address: str) -> Ready | None:
        return self.found[address]


class _Line(Line):
    """Postgres as the test plays it."""

    def __init__(self) -> None:
        self.asked = 0
        self.says: str | None = None
        self.is_cut = False
        self.is_closed = False

    def ask(self) -> None:
        self._check()
        self.asked += 1

    def heard(self) -> str | None:
        self._check()
        return self.says

    def close(self) -> None:
        self.is_closed = True

    def _check(self) -> None:
        if self.is_cut:
            raise Unavailable("cut")


class _Loop:
    """What runs in threads waits here until the test lets it."""

    def __init__(self) -> None:
        self.callbacks: dict[Line, Callable[[], None]] = {}
        self.errands: list[Callable[[], None]] = []

    def listen(self, line: Line, callback: Callable[[], None]) -> None:
        self.callbacks[line] = callback

    def ignore(self, line: Line) -> None:
        del self.callbacks[line]

    def in_thread(self, work: Callable[[], Found], then: Callable[[Future[Found]], None]) -> None:
        def run() -> None:
            done: Future[Found] = Future()
            try:
                done.set_result(work())
            except Exception as error:
                done.set_exception(error)
            then(done)

        self.errands.append(run)

    def run_errands(self) -> None:
        errands, self.errands = self.errands, []
        for errand in errands:
            errand()


class _Scene:
    """A desk with a line to Postgres, and what its customers were given, in order."""

    def __init__(self) -> None:
        self.reads = _Reads()
        self.loop = _Loop()
        self.line = _Line()
        self.served: list[tuple[str, Ready | None]] = []
        self.calls = 0
        self.desk = Desk(self.reads, cast(Access, None), self._connect, self.loop)
        self.reads.ready[COIN] = Ready("1", b"kept")

    def _connect(self) -> Line:
        self.calls += 1
        if self.line.is_cut:
            raise Unavailable("cut")
        return self.line

    def come(self, *names: str, address: str = COIN) -> None:
        for name in names:
            self.desk.take(address, partial(self._serve, name))

    def _serve(self, name: str, ready: Ready | None) -> None:
        self.served.append((name, ready))

    def say(self, version: str | None) -> None:
        self.line.says = version
        self.loop.callbacks[self.line]()
        self.desk.begin()


@pytest.fixture
def scene() -> _Scene:
    """The line is there: the first customer was sent on for want of it."""
    made = _Scene()
    made.come("first")
    made.desk.begin()
    made.loop.run_errands()
    assert made.served == [("first", None)]
    made.served.clear()
    return made


def test_all_who_came_before_the_asking_are_served_by_it(scene: _Scene) -> None:
    scene.come("ann", "bob")
    assert scene.line.asked == 0
    scene.desk.begin()
    scene.say("1")
    kept = scene.reads.ready[COIN]
    assert scene.served == [("ann", kept), ("bob", kept)]
    assert scene.line.asked == 1


def test_who_comes_while_it_is_asked_is_served_by_the_next_asking(scene: _Scene) -> None:
    scene.come("ann")
    scene.desk.begin()
    scene.come("late")
    scene.desk.begin()
    assert scene.line.asked == 1
    scene.say("1")
    assert [name for name, _ in scene.served] == ["ann"]
    assert scene.line.asked == 2
    scene.say("1")
    assert [name for name, _ in scene.served] == ["ann", "late"]


def test_half_an_answer_is_none(scene: _Scene) -> None:
    scene.come("ann")
    scene.desk.begin()
    scene.say(None)
    assert scene.served == []
    scene.say("1")
    assert [name for name, _ in scene.served] == ["ann"]


def test_an_answer_of_other_data_is_asked_for_anew_once_for_all(scene: _Scene) -> None:
    new = scene.reads.found[COIN] = Ready("2", b"new")
    scene.come("ann", "bob")
    scene.desk.begin()
    scene.say("2")
    assert scene.served == []
    assert len(scene.loop.errands) == 1
    scene.loop.run_errands()
    assert scene.served == [("ann", new), ("bob", new)]


def test_who_comes_while_an_answer_is_looked_for_gets_the_next(scene: _Scene) -> None:
    scene.come("ann", address=STATS)
    scene.desk.begin()
    scene.come("late", address=STATS)
    scene.desk.begin()
    assert len(scene.loop.errands) == 1
    old = scene.reads.found[STATS] = Ready("1", b"old")
    scene.loop.run_errands()
    assert scene.served == [("ann", old)]
    scene.desk.begin()
    new = scene.reads.found[STATS] = Ready("2", b"new")
    scene.loop.run_errands()
    assert scene.served == [("ann", old), ("late", new)]


def test_a_slow_answer_keeps_nobody_waiting_who_wants_another(scene: _Scene) -> None:
    scene.come("slow", address=STATS)
    scene.come("ann")
    scene.desk.begin()
    scene.say("1")
    assert [name for name, _ in scene.served] == ["ann"]


@pytest.mark.parametrize("found", [{}, {STATS: None}], ids=["fails", "is gone"])
def test_who_can_get_no_answer_is_sent_on(scene: _Scene, found: dict[str, Any]) -> None:
    scene.reads.found = found
    scene.come("ann", address=STATS)
    scene.desk.begin()
    scene.loop.run_errands()
    assert scene.served == [("ann", None)]
    # And the next are looked after again.
    ready = scene.reads.found[STATS] = Ready("1", b"there")
    scene.come("bob", address=STATS)
    scene.desk.begin()
    scene.loop.run_errands()
    assert scene.served[1:] == [("bob", ready)]


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_when_the_line_is_cut_all_are_sent_on_and_it_is_made_anew(scene: _Scene, when: str) -> None:
    scene.come("ann", "bob")
    if when == "before":
        scene.line.is_cut = True
        scene.desk.begin()
    else:
        scene.desk.begin()
        scene.line.is_cut = True
        scene.say(None)
    assert scene.served == [("ann", None), ("bob", None)]
    assert (scene.loop.callbacks, scene.line.is_closed) == ({}, True)


def test_without_a_line_nobody_waits_and_one_call_is_made_at_a_time() -> None:
    scene = _Scene()
    scene.line.is_cut = True
    for name in ("ann", "bob"):
        scene.come(name)
        scene.desk.begin()
    assert [ready for _, ready in scene.served] == [None, None]
    scene.loop.run_errands()
    scene.come("cid")
    scene.desk.begin()
    scene.loop.run_errands()
    # The call has failed just now.
    assert scene.calls == 1
