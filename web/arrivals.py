"""gunicorn's thread worker, taught patience: a thread gets a request when all of it is there.

A client that sends its request byte by byte would otherwise hold a thread of the few for as long as it likes, and so
would one that doesn't hang up. Here the main loop collects what arrives, of all connections at once and without
waiting for any, until the head and a short body are complete; what takes longer than PATIENCE_SECONDS is closed.
Bodies beyond SHORT_BODY, or of unknown length, are left to the view, which knows who sends them.
"""

from __future__ import annotations

import errno
import re
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ
from typing import Any

from gunicorn import http, util
from gunicorn.workers.gthread import TConn, ThreadWorker

from web.refusals import new_id, status_of, whole_answer

PATIENCE_SECONDS = 10.0
SHORT_BODY = 64 * 1024
_DIGITS = 12
_LONGEST_HEAD = 32 * 1024
_READ = 64 * 1024
# After the last answer the client has this long to hang up by itself.
_FAREWELL_SECONDS = 2.0
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*([0-9]+)[ \t]*(?=\r\n)")
_OPEN_ENDED = re.compile(rb"\r\n(?:transfer-encoding|expect):")
_NO_CONNECTION_YET = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK)
# The process or its host has as many files open as it may, or no memory for one more.
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Arrival:
    """A request as far as it has come."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        # Whether its body is no longer than what is waited for here.
        self.is_short = False
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
            self.is_short = body is not None
            self._whole = end + len(_HEAD_END) + (body or 0)
        return len(self.data) >= self._whole

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


class _Connection(TConn):  # type: ignore[misc]
    """A connection, and whether all of its running request had come before a thread got it."""

    had_come = True


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Everything but `handle…` runs in the worker's main thread, and must not wait for anyone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._leaving: deque[tuple[float, TConn]] = deque()
        self._crowded = False

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, and begin to collect its first request."""
        if self.cfg.is_ssl:
            super().accept(listener)
            return
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                self._crowded = True
            elif error.errno not in _NO_CONNECTION_YET:
                raise
            return
        self.nr_conns += 1
        self._collect(_Connection(self.cfg, client, address, listener.getsockname()), Arrival())

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Collect the next request of a connection that was kept."""
        if self.cfg.is_ssl:
            super().on_client_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._collect(conn, Arrival())

    def finish_request(self, conn: TConn, future: Future[Any]) -> None:
        """Keep the connection for another request, or let it go."""
        if self.cfg.is_ssl:
            super().finish_request(conn, future)
            return
        if future.cancelled() or future.exception() or not future.result():
            self._say_farewell(conn)
            return
        ahead = conn.parser.unreader.take_buffered()
        if ahead:
            conn.sock.setblocking(False)
            self._collect(conn, Arrival(ahead))
        else:
            super().finish_request(conn, future)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Answer; what the view left of a body that is still to come is nothing to wait for."""
        if isinstance(conn, _Connection) and not conn.had_come:
            req.force_close()
        return bool(super().handle_request(req, conn))

    def murder_pending(self) -> None:
        """Close what took too long, to arrive or to go, and who was idle for longest when there is no room left."""
        super().murder_pending()
        now = time.monotonic()
        while self._leaving and self._leaving[0][0] <= now:
            _, conn = self._leaving.popleft()
            self._forget(conn)
        if self._crowded:
            # Not in `accept`: what has just come from this connection may be next to be looked at.
            self._crowded = False
            idle = self.keepalived_conns or self.pending_conns
            if idle:
                self._forget(idle.popleft())

    def handle_error(self, req: object, client: socket.socket, addr: tuple[str, int], exc: BaseException) -> None:
        """Answer a request that can't be read, or that failed outside of Flask; gunicorn would do so in HTML."""
        status, request_id = status_of(exc), new_id()
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.exception("Request %s failed at %s", request_id, getattr(req, "path", "an unknown address"))
        else:
            # Its text quotes what came, and that may be a key.
            self.log.warning("Request %s from %s is none: %s", request_id, addr[0], type(exc).__name__)
        with suppress(OSError):
            util.write_nonblock(client, whole_answer(status, request_id))

    def _collect(self, conn: TConn, arrival: Arrival) -> None:
        if self._goes_on(conn, arrival):
            conn.timeout = time.monotonic() + PATIENCE_SECONDS
            self.pending_conns.append(conn)
            self._watch(conn, partial(self._more_came, conn, arrival))

    def _more_came(self, conn: TConn, arrival: Arrival, _client: socket.socket) -> None:
        if not self._goes_on(conn, arrival):
            self.pending_conns.remove(conn)

    def _goes_on(self, conn: TConn, arrival: Arrival) -> bool:
        """Read what has come; whether there is more to wait for."""
        if not arrival.is_complete:
            try:
                came = conn.sock.recv(_READ)
            except (BlockingIOError, InterruptedError):
                return True
            except OSError:
                came = b""
            if not came:
                self._forget(conn)
                return False
            arrival.data += came
        if arrival.is_complete:
            self._unwatch(conn)
            self._hand_over(conn, arrival)
            return False
        if arrival.is_too_long:
            with suppress(OSError):
                conn.sock.send(whole_answer(431, new_id()))
            self._unwatch(conn)
            self._say_farewell(conn)
            return False
        return True

    def _hand_over(self, conn: TConn, arrival: Arrival) -> None:
        if conn.parser is None:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
        conn.parser.unreader.unread(bytes(arrival.data))
        conn.had_come = arrival.is_short
        conn.data_ready = True
        self.enqueue_req(conn)

    def _say_farewell(self, conn: TConn) -> None:
        """Say that no more will come. Closing at once might cost the client the end of its answer."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._forget(conn)
            return
        leaving = (time.monotonic() + _FAREWELL_SECONDS, conn)
        self._leaving.append(leaving)
        self._watch(conn, partial(self._left, leaving))

    def _left(self, leaving: tuple[float, TConn], client: socket.socket) -> None:
        try:
            said = client.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            said = b""
        if not said:
            self._leaving.remove(leaving)
            self._forget(leaving[1])

    def _watch(self, conn: TConn, callback: Callable[[socket.socket], None]) -> None:
        self.poller.register(conn.sock, EVENT_READ, callback)

    def _unwatch(self, conn: TConn) -> None:
        with suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _forget(self, conn: TConn) -> None:
        self._unwatch(conn)
        self.nr_conns -= 1
        conn.close()
