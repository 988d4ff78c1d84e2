"""Stopping: what was begun and can't end quickly is handed back at once, and one SIGTERM is as good as many."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


def on_stop(stopping: threading.Event, hand_back: Callable[[], None]) -> None:
    """Set `stopping` and hand back when this process is told to stop, then let Dramatiq stop it.

    A platform signals the whole process group, and Dramatiq's master passes the signal on as well: its children would
    take the second one as an order to die at once. Repeats are ignored; who really must end us has SIGKILL.
    Call from the main thread, after Dramatiq has set its own handlers.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _once(stopping, hand_back, signal.getsignal(number)))


def _once(
    stopping: threading.Event, hand_back: Callable[[], None], dramatiq_stops: object
) -> Callable[[int, FrameType | None], None]:
    def handle(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():
            return
        stopping.set()
        # Not within the handler: the interrupted main thread may hold the locks that this needs.
        threading.Thread(target=hand_back, name="hand-back").start()
        if callable(dramatiq_stops):
            dramatiq_stops(number, frame)

    return handle
