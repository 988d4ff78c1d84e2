"""One stream for what many processes say, a line at a time, each with its speaker's name before it."""

from __future__ import annotations

import os
import threading
from typing import TextIO

_COLOURS = (36, 33, 32, 35, 34, 31)  # cyan, yellow, green, magenta, blue, red: ANSI's numbers
_WIDTH = 8


class Output:
    """Colours only on a terminal, unless NO_COLOR is set. A stream that is gone (a closed terminal) is no error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._colour = stream.isatty() and not os.environ.get("NO_COLOR")
        self._speakers: list[str] = []
        self._lock = threading.Lock()

    def line(self, speaker: str, text: str) -> None:
        """What a process said."""
        with self._lock:
            prefix = f"{speaker:{_WIDTH}} | "
            if self._colour:
                if speaker not in self._speakers:
                    self._speakers.append(speaker)
                colour = _COLOURS[self._speakers.index(speaker) % len(_COLOURS)]
                prefix = f"\033[{colour}m{prefix}\033[0m"
            self._write(prefix + text)

    def say(self, text: str) -> None:
        """What the runner itself has to say."""
        with self._lock:
            self._write(f"\033[1m{text}\033[0m" if self._colour else text)

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: closed on our own side
            pass
