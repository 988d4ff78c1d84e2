"""gunicorn's thread worker, taught patience: a thread gets a request when all of it is there.

A client that sends its request byte by byte would otherwise hold a thread of the few for as long as it likes, and so
would one that doesn't hang up. Here the main loop collects what arrives, of all connections at once and without
waiting for any, until the head and a short body are complete; what takes longer than PATIENCE_SECONDS is closed.
Bodies beyond SHORT_BODY, or of unknown length, are left to the view, which knows who sends them.

A read that can be answered without a view needs no thread at all: it waits at web.desk, and is answered from here.
"""

from __future__ import annotations

import errno
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

from gunicorn import http, util
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from db.line import Line
from web.connection import Arrival, Connection, Stage
from web.desk import Desk, Found, Loop
from web.heads import Head, Heads
from web.reads import READY, Ready
from web.refusals import new_id, status_of, whole_answer
from web.tracing import CAME
from web.wire import answer, rest

PATIENCE_SECONDS = 10.0
# A client that takes nothing of its answer for this long loses its connection.
STALL_SECONDS = 15
_READ = 64 * 1024
# After the last answer the client has this long to hang up by itself.
_FAREWELL_SECONDS = 2.0
_NO_CONNECTION_YET = (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK)
# The process or its host has as many files open as it may, or no memory for one more.
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Everything but `handle…` runs in the worker's main thread, and must not wait for anyone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._leaving: deque[tuple[float, Connection]] = deque()
        self._slow: dict[Connection, None] = {}
        self._crowded = False
        self._desk: Desk | None = None
        self._heads: Heads | None = None

    def open_desk(self, make: Callable[[Loop], Desk]) -> None:
        """Answer there what can be answered there; not under TLS, nor where another protocol goes before HTTP."""
        if not self.cfg.is_ssl and self.cfg.proxy_protocol == "off":
            self._desk = make(self)
            self._heads = Heads(self.cfg, self._desk.knows)

    def run(self) -> None:
        """Until the process is asked to stop, and all who wait are answered."""
        super().run()
        if self._desk:
            self._desk.close()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """One turn of the loop."""
        super().wait_for_and_dispatch_events(timeout)
        if self._desk:
            if self._desk.is_wanted:
                # Who comes in the same moment shares the asking.
                super().wait_for_and_dispatch_events(0)
            self._desk.begin()

    def listen(self, line: Line, callback: Callable[[], None]) -> None:
        """As web.desk.Loop has it."""
        self.poller.register(line.fileno(), EVENT_READ, lambda _: callback())

    def ignore(self, line: Line) -> None:
        """As web.desk.Loop has it."""
        self.poller.unregister(line.fileno())

    def in_thread(self, work: Callable[[], Found], then: Callable[[Future[Found]], None]) -> None:
        """As web.desk.Loop has it."""
        self.tpool.submit(work).add_done_callback(partial(self.method_queue.defer, then))

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
        self._collect(Connection(self.cfg, client, address, listener.getsockname()), Arrival())

    def finish_request(self, conn: TConn, future: Future[Any]) -> None:
        """Keep the connection for another request, or let it go."""
        if self.cfg.is_ssl:
            super().finish_request(conn, future)
            return
        conn.closes = bool(future.cancelled() or future.exception() or not future.result())
        conn.ahead = b"" if conn.closes else conn.parser.unreader.take_buffered()
        try:
            conn.sock.setblocking(False)
        except OSError:
            self._forget(conn)
            return
        self._go_on(conn)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Answer; what the view left of a body that is still to come is nothing to wait for."""
        if isinstance(conn, Connection) and not conn.had_come:
            req.force_close()
        return bool(super().handle_request(req, conn))

    def murder_pending(self) -> None:
        """Close what took too long, to arrive or to go, and who was idle for longest when there is no room left."""
        super().murder_pending()
        now = time.monotonic()
        while self._leaving and self._leaving[0][0] <= now:
            _, conn = self._leaving.popleft()
            self._forget(conn)
        for conn in [conn for conn in self._slow if conn.timeout <= now]:
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

    def _collect(self, conn: Connection, arrival: Arrival) -> None:
        conn.arrival = arrival
        if self._goes_on(conn):
            conn.stage = Stage.ARRIVES
            conn.timeout = time.monotonic() + PATIENCE_SECONDS
            self.pending_conns.append(conn)
            self._watch(conn)

    def _stirred(self, conn: Connection, _client: socket.socket) -> None:
        if conn.stage is Stage.IDLE:
            self.keepalived_conns.remove(conn)
            self._collect(conn, Arrival())
        elif conn.stage is Stage.ARRIVES:
            if not self._goes_on(conn):
                self.pending_conns.remove(conn)
        elif conn.stage is Stage.WAITS:
            # Its next request, or its end: to be read when this one has its answer.
            self._unwatch(conn)

    def _goes_on(self, conn: Connection) -> bool:
        """Read what has come; whether there is more to wait for."""
        arrival = conn.arrival
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
            is_first = not arrival.data
            arrival.data += came
            if is_first and self._is_for_desk(conn, came):
                return False
        if arrival.is_complete:
            self._hand_over(conn)
            return False
        if arrival.is_too_long:
            with suppress(OSError):
                conn.sock.send(whole_answer(431, new_id()))
            self._say_farewell(conn)
            return False
        return True

    def _hand_over(self, conn: Connection) -> None:
        conn.ahead = b""
        if self._heads and conn.arrival.is_bare:
            raw, conn.ahead = conn.arrival.cut()
            self._heads.read(raw, conn.sock, conn.client, conn.server)
            if self._is_for_desk(conn, raw):
                return
        self._to_thread(conn)

    def _is_for_desk(self, conn: Connection, raw: bytes) -> bool:
        """Whether this is a whole request that can be answered there, which it then will be."""
        if not self._desk or not self._heads:
            return False
        head = self._heads.known(raw, conn.client)
        if not head or not self._desk.takes(head.address, head.environ):
            return False
        conn.stage = Stage.WAITS
        self._desk.take(head.address, partial(self._serve, conn, head, time.perf_counter()))
        return True

    def _to_thread(self, conn: Connection) -> None:
        # Epoll would go on telling of a connection that a thread gives away.
        self._unwatch(conn)
        conn.stage = Stage.AWAY
        if conn.parser is None:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
        conn.parser.unreader.unread(bytes(conn.arrival.data))
        conn.had_come = conn.arrival.is_complete and conn.arrival.is_short
        conn.data_ready = True
        self.enqueue_req(conn)

    def _serve(self, conn: Connection, head: Head, came: float, ready: Ready | None) -> None:
        if ready is None:
            self._to_thread(conn)
            return
        self.nr += 1
        if self.nr >= self.max_requests:
            self.alive = False
        full = len(self.keepalived_conns) >= self.max_keepalived
        conn.closes = head.closes or full or not (self.alive and self.cfg.keepalive)
        environ = {**head.environ, READY: ready, CAME: came}
        try:
            conn.unsent = answer(self.wsgi, environ, closes=conn.closes)
        except Exception:
            # A thread meets it as well, and says that it did.
            self._to_thread(conn)
            return
        self._send(conn)

    def _send(self, conn: Connection) -> None:
        try:
            sent = conn.sock.sendmsg(conn.unsent)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self._forget(conn)
            return
        conn.unsent = rest(conn.unsent, sent)
        if not conn.unsent:
            self._go_on(conn)
            return
        conn.timeout = time.monotonic() + STALL_SECONDS
        if conn.stage is not Stage.SENDS:
            conn.stage = Stage.SENDS
            self._slow[conn] = None
            self._unwatch(conn)
            conn.watched = True
            self.poller.register(conn.sock, EVENT_WRITE, partial(self._takes_more, conn))

    def _takes_more(self, conn: Connection, _client: socket.socket) -> None:
        if conn.stage is Stage.SENDS:
            self._send(conn)

    def _go_on(self, conn: Connection) -> None:
        """After an answer, whoever gave it."""
        if conn.stage is Stage.SENDS:
            del self._slow[conn]
            self._unwatch(conn)
        if conn.closes:
            self._say_farewell(conn)
        elif conn.ahead:
            ahead, conn.ahead = conn.ahead, b""
            self._collect(conn, Arrival(ahead))
        else:
            conn.stage = Stage.IDLE
            conn.set_timeout()
            if not self.alive:
                conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)
            self.keepalived_conns.append(conn)
            self._watch(conn)

    def _say_farewell(self, conn: Connection) -> None:
        """Say that no more will come. Closing at once might cost the client the end of its answer."""
        self._unwatch(conn)
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._forget(conn)
            return
        conn.stage = Stage.ENDS
        leaving = (time.monotonic() + _FAREWELL_SECONDS, conn)
        self._leaving.append(leaving)
        conn.watched = True
        self.poller.register(conn.sock, EVENT_READ, partial(self._left, leaving))

    def _left(self, leaving: tuple[float, Connection], client: socket.socket) -> None:
        try:
            said = client.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            said = b""
        if not said:
            self._leaving.remove(leaving)
            self._forget(leaving[1])

    def _watch(self, conn: Connection) -> None:
        if not conn.watched:
            conn.watched = True
            self.poller.register(conn.sock, EVENT_READ, partial(self._stirred, conn))

    def _unwatch(self, conn: Connection) -> None:
        if conn.watched:
            conn.watched = False
            with suppress(OSError, KeyError, ValueError):
                self.poller.unregister(conn.sock)

    def _forget(self, conn: Connection) -> None:
        self._unwatch(conn)
        self._slow.pop(conn, None)
        conn.stage = Stage.ENDS
        self.nr_conns -= 1
        conn.close()
