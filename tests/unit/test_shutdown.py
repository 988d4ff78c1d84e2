"""One order to stop is as good as many."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from tests.waiting import until
from workers.shutdown import on_stop


@pytest.fixture(autouse=True)
def _handlers_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_work_is_handed_back_once_and_dramatiq_told_once_however_often_the_signal_comes() -> None:
    told: list[int] = []
    handed_back: list[str] = []
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: told.append(number))
    on_stop(stopping, lambda: handed_back.append("all"))
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP):
        os.kill(os.getpid(), number)
    until(lambda: handed_back, "work is handed back")
    assert (told, handed_back) == ([signal.SIGTERM], ["all"])
    assert stopping.is_set()
