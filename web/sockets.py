"""Streams that cost no thread: one thread of the process writes to all their connections.

gunicorn's threads answer a request each, and a stream would hold its thread for hours. So once the head of the answer
is sent, the connection is taken away from the server: its socket's number then leads to one that is closed at the
other end, which the server, to whom the client seems to be gone, closes in peace.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from os import dup2
from typing import Any

from web.streams import Stream

logger = logging.getLogger(__name__)

# What the system holds for a reader that doesn't read comes on top of what a stream lets wait.
_SEND_BUFFER_BYTES = 32 * 1024
# A host that vanished says nothing; what was sent to it is given up after this long.
_VANISHED_MS = 30_000
_LAST_CHUNK = b"0\r\n\r\n"


class Connection:
    """A connection that was the server's, in the middle of an answer; `chunked`: as HTTP/1.1 frames it."""

    def __init__(self, sock: socket.socket, *, chunked: bool) -> None:
        self.sock = sock
        self._chunked = chunked

    def framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data

    @property
    def last(self) -> bytes:
        """What says that the answer is complete."""
        return _LAST_CHUNK if self._chunked else b""


def take_connection(environ: Mapping[str, Any]) -> Connection | None:
    """The running request's connection, which the server has no more; None when the server can't lend it.

    To be called when the answer's head has been sent, by the thread that serves the request.
    """
    lent = environ.get("gunicorn.socket")
    # One under TLS has a state that can't be shared, and one under HTTP/2 has other streams.
    protocol = environ.get("SERVER_PROTOCOL", "")
    if type(lent) is not socket.socket or not protocol.startswith("HTTP/1."):
        return None
    sock = lent.dup()
    nobody, other_end = socket.socketpair()
    with nobody, other_end:
        dup2(nobody.fileno(), lent.fileno(), inheritable=False)
    sock.setblocking(False)
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _VANISHED_MS)
    return Connection(sock, chunked=protocol != "HTTP/1.0")


class _Line:
    """A stream on its connection, and what of it the system has not taken yet."""

    def __init__(self, stream: Stream, connection: Connection) -> None:
        self.stream = stream
        self.connection = connection
        self.unsent = b""
        self.ended = False


class Writer:
    """The one thread, begun with the first connection. It sleeps while there is nothing to write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._dirty: deque[_Line] = deque()
        self._thread: threading.Thread | None = None
        self._selector: selectors.BaseSelector
        self._waker: socket.socket
        self._lines: set[_Line] = set()
        self._none_left = threading.Event()

    def adopt(self, stream: Stream, connection: Connection) -> None:
        """Write the stream to the connection until one of them ends."""
        with self._lock:
            if self._thread is None:
                self._begin()
        line = _Line(stream, connection)
        self._none_left.clear()
        stream.watch(lambda: self._touch(line))

    def wait_until_ended(self, seconds: float) -> None:
        """Give the last bytes of streams that end this long to get out."""
        if self._thread:
            self._none_left.wait(seconds)

    def _begin(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._waker, wakes = socket.socketpair()
        for end in (self._waker, wakes):
            end.setblocking(False)
        self._selector.register(wakes, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="streams", daemon=True)
        self._thread.start()

    def _touch(self, line: _Line) -> None:
        self._dirty.append(line)
        # With a full pipe the thread wakes up anyway.
        with suppress(BlockingIOError):
            self._waker.send(b"\0")

    def _run(self) -> None:
        while True:
            for key, events in self._selector.select():
                if key.data is None:
                    self._drain(key.fileobj)
                elif events & selectors.EVENT_READ:
                    # It has nothing more to ask on this connection: it left, or is out of its mind.
                    self._close(key.data)
                else:
                    self._dirty.append(key.data)
            while self._dirty:
                self._serve(self._dirty.popleft())
            if not self._lines:
                self._none_left.set()

    def _drain(self, wakes: Any) -> None:
        with suppress(BlockingIOError):
            wakes.recv(4096)

    def _serve(self, line: _Line) -> None:
        if line.ended:
            return
        try:
            if line not in self._lines:
                self._lines.add(line)
                self._selector.register(line.connection.sock, selectors.EVENT_READ, line)
            if line.stream.over or not self._write(line):
                self._close(line)
        except OSError:
            self._close(line)
        except Exception:
            # Nobody else's stream may end for it.
            logger.exception("a stream broke off")
            self._close(line)

    def _write(self, line: _Line) -> bool:
        """Write what the system takes; False when the stream has come to its end."""
        wanted = selectors.EVENT_READ
        try:
            while True:
                if not line.unsent:
                    # Asked before: what is put until then is taken along.
                    ending = line.stream.ending
                    if taken := line.stream.take():
                        line.unsent = line.connection.framed(taken)
                    elif ending:
                        line.connection.sock.send(line.connection.last)
                        return False
                    else:
                        break
                line.unsent = line.unsent[line.connection.sock.send(line.unsent) :]
        except BlockingIOError:
            wanted |= selectors.EVENT_WRITE
        if self._selector.get_key(line.connection.sock).events != wanted:
            self._selector.modify(line.connection.sock, wanted, line)
        return True

    def _close(self, line: _Line) -> None:
        if line.ended:
            return
        line.ended = True
        self._lines.discard(line)
        with suppress(KeyError, ValueError):
            self._selector.unregister(line.connection.sock)
        with suppress(OSError):
            line.connection.sock.shutdown(socket.SHUT_WR)
        line.connection.sock.close()
        line.stream.leave()
