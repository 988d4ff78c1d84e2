"""What ends the program from outside: Ctrl-C, a polite kill, and the terminal closing."""

from __future__ import annotations

import os
import signal
import threading

_LOOK_SECONDS = 0.5


def listen(stopping: threading.Event) -> None:
    """Set `stopping` on any of them. Call from the main thread."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Who started us by nohup wants the terminal's end to be ignored.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: stopping.set())
    terminal = next((file for file in (0, 1, 2) if os.isatty(file)), None)
    if terminal is not None and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        threading.Thread(target=_watch, args=[terminal, stopping], name="terminal", daemon=True).start()


def _watch(terminal: int, stopping: threading.Event) -> None:
    """The signal of a closed terminal goes to its first process; where that is `make` (`ssh -t host make run`), make
    keeps it to itself and waits for us. So we look: a terminal that was closed is none any more.
    """
    while not stopping.wait(_LOOK_SECONDS):
        if not os.isatty(terminal):
            stopping.set()
