"""A connection of the server's loop, and the request that arrives on it."""

from __future__ import annotations

import re
from enum import Enum, auto

from gunicorn.workers.gthread import TConn

from web.wire import Parts

SHORT_BODY = 64 * 1024
_DIGITS = 12
_LONGEST_HEAD = 32 * 1024
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*([0-9]+)[ \t]*(?=\r\n)")
_OPEN_ENDED = re.compile(rb"\r\n(?:transfer-encoding|expect):")


class Arrival:
    """A request as far as it has come."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        # Whether its body is no longer than what is waited for here; and whether it has none.
        self.is_short = False
        self.is_bare = False
        self._looked = 0
        self._whole: int | None = None

    @property
    def is_complete(self) -> bool:
        """Whether a thread may have it."""
        if self._whole is None:
            end = self.data.find(_HEAD_END, max(0, self._looked - len(_HEAD_END)))
            self._looked = len(self.data)
            if end < 0:
                return False
            body = _body_to_wait_for(bytes(self.data[: end + 2]).lower())
            self.is_short, self.is_bare = body is not None, body == 0
            self._whole = end + len(_HEAD_END) + (body or 0)
        return len(self.data) >= self._whole

    def cut(self) -> tuple[bytes, bytes]:
        """The request, once it is complete, and what came after it."""
        return bytes(self.data[: self._whole]), bytes(self.data[self._whole :])

    @property
    def is_too_long(self) -> bool:
        """Whether its head has no end in sight."""
        return self._whole is None and len(self.data) > _LONGEST_HEAD


def _body_to_wait_for(head: bytes) -> int | None:
    """How many bytes; None when they are too many, or nobody knows how many."""
    if _OPEN_ENDED.search(head):
        return None
    length = _LENGTH.search(head)
    if length is None:
        return 0
    # Python refuses to read a number of thousands of digits, and nothing may fail here.
    return int(length[1]) if len(length[1]) <= _DIGITS and int(length[1]) <= SHORT_BODY else None


class Stage(Enum):
    """What a connection is at."""

    ARRIVES = auto()  # a request comes in
    WAITS = auto()  # at the desk
    AWAY = auto()  # a thread has it
    SENDS = auto()  # its client is slow to take the answer
    IDLE = auto()  # between requests
    ENDS = auto()


class Connection(TConn):  # type: ignore[misc]
    """A connection, its stage, and whether the loop is told when something happens to it."""

    stage = Stage.ARRIVES
    watched = False
    arrival: Arrival
    # Whether all of its running request had come before a thread got it.
    had_come = True
    # Of an answer from the desk: what the client has not taken yet, whether it is the last, and what came behind.
    unsent: Parts = ()
    closes = False
    ahead = b""
