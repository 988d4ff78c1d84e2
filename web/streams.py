"""Answers that never end: what waits to be written to each reader, how many there may be, and who is too slow.

Whoever has news puts it into every stream and goes on. Writing is another's work: `web.sockets` where the server
lends us its connections, else the thread that serves the request, by `Stream.pieces`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Condition, Lock

# A reader that is this far behind is not reading; it comes back and says what it had last.
MOST_WAITING_BYTES = 128 * 1024


class Stream:
    """What waits to be written to one reader. Any thread may put, one takes."""

    def __init__(self, left: Callable[[Stream], None]) -> None:
        self._left = left
        self._changed = Condition()
        self._waiting = bytearray()
        self._ending = False
        self._over = False
        self._notify: Callable[[], None] | None = None

    @property
    def over(self) -> bool:
        """Nothing is written any more."""
        return self._over

    @property
    def ending(self) -> bool:
        """Nothing is to come after what waits."""
        return self._ending

    def put(self, data: bytes) -> None:
        """Write this when the reader has room; one that is too far behind is dropped."""
        with self._changed:
            if self._ending or self._over:
                return
            too_slow = len(self._waiting) + len(data) > MOST_WAITING_BYTES
            if not too_slow:
                self._waiting += data
            self._changed.notify_all()
        if too_slow:
            self.leave()
        self._tell()

    def end(self) -> None:
        """Let the reader have what waits, and no more."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._tell()

    def leave(self) -> None:
        """The reader is gone, or to be dropped: what waits is not written. Its place is free."""
        with self._changed:
            if self._over:
                return
            self._over = True
            self._waiting.clear()
            self._changed.notify_all()
        self._left(self)

    def take(self) -> bytes:
        """All that waits, which is the taker's to write."""
        with self._changed:
            taken = bytes(self._waiting)
            self._waiting.clear()
            return taken

    def watch(self, notify: Callable[[], None]) -> None:
        """Call `notify` whenever there is something to do, from now on, and at once."""
        self._notify = notify
        notify()

    def pieces(self) -> Iterator[bytes]:
        """What is put, as it comes, until the end; waits in the calling thread."""
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._waiting or self._ending or self._over)
                if taken := self.take():
                    yield taken
                elif self._ending or self._over:
                    return
        finally:
            self.leave()

    def _tell(self) -> None:
        if self._notify:
            self._notify()


class Streams:
    """The open streams of a process, at most so many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._open: set[Stream] = set()
        self._ended = False

    def open(self) -> Stream | None:
        """A new stream; None when there are too many, or the process is about to stop."""
        with self._lock:
            if self._ended or len(self._open) >= self._most:
                return None
            stream = Stream(self._forget)
            self._open.add(stream)
            return stream

    def now_open(self) -> frozenset[Stream]:
        with self._lock:
            return frozenset(self._open)

    def end(self) -> None:
        """End all of them, and let no more begin."""
        with self._lock:
            self._ended = True
        for stream in self.now_open():
            stream.end()

    def __len__(self) -> int:
        return len(self._open)

    def _forget(self, stream: Stream) -> None:
        with self._lock:
            self._open.discard(stream)
