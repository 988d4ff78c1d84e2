"""The web server's own loop around an application, in a thread of the test; what needs one of its threads is noted."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from selectors import DefaultSelector
from typing import Any

from flask import Flask
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn

from web.arrivals import PatientWorker
from web.desk import Found, desk_of

_PATIENCE_SECONDS = 30


class NotedWorker(PatientWorker):
    """One that counts what threads were needed for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Requests that a thread answered; what threads did for those that had none.
        self.requests_in_threads = 0
        self.errands = 0

    def enqueue_req(self, conn: TConn) -> None:
        self.requests_in_threads += 1
        super().enqueue_req(conn)

    def in_thread(self, work: Callable[[], Found], then: Callable[[Future[Found]], None]) -> None:
        self.errands += 1
        super().in_thread(work, then)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, with the head's lines as they came."""

    lines: list[str]
    body: bytes

    @property
    def status(self) -> int:
        return int(self.lines[0].split()[1])

    def header(self, name: str) -> str | None:
        """What its one line of that name says."""
        found = [line.partition(": ")[2] for line in self.lines if line.lower().startswith(name.lower() + ":")]
        assert len(found) <= 1
        return found[0] if found else None

    def but(self, *names: str) -> tuple[list[str], bytes]:
        """All of it without these headers."""
        return [line for line in self.lines if line.partition(":")[0] not in names], self.body


class Client:
    """A connection, and the bytes that go over it."""

    def __init__(self, port: int, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(_PATIENCE_SECONDS)
        self.socket.connect(("127.0.0.1", port))
        self._held = b""

    def send(self, path: str, *headers: str, method: str = "GET", body: bytes = b"") -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def hear(self, *, has_body: bool = True) -> Said:
        """The next answer."""
        while b"\r\n\r\n" not in self._held:
            self._read()
        head, _, self._held = self._held.partition(b"\r\n\r\n")
        said = Said(head.decode("latin-1").split("\r\n"), b"")
        length = int(said.header("Content-Length") or 0) if has_body else 0
        while len(self._held) < length:
            self._read()
        body, self._held = self._held[:length], self._held[length:]
        return Said(said.lines, body)

    def ask(self, path: str, *headers: str, method: str = "GET", body: bytes = b"") -> Said:
        self.send(path, *headers, method=method, body=body)
        return self.hear(has_body=method != "HEAD")

    @property
    def is_over(self) -> bool:
        """Whether the server says no more; waits until it says so."""
        return not self._held and self.socket.recv(1) == b""

    def close(self) -> None:
        self.socket.close()

    def _read(self) -> None:
        came = self.socket.recv(1 << 16)
        assert came, f"the connection ended within an answer: {self._held[:200]!r}"
        self._held += came


class Server:
    """The loop, its port, and connections to it."""

    def __init__(self, app: Flask, listener: socket.socket) -> None:
        config = Config()
        config.set("threads", 4)
        config.set("keepalive", 15)
        self.worker = NotedWorker(1, os.getppid(), [listener], None, 30, config, Logger(config))
        self.worker.wsgi = app
        self.worker.tpool = ThreadPoolExecutor(4)
        self.worker.poller = DefaultSelector()
        self.worker.method_queue.init()
        self.worker.open_desk(desk_of(app))
        self.port = int(listener.getsockname()[1])
        self._clients: list[Client] = []
        self._thread = threading.Thread(target=self.worker.run)

    def client(self, receive_buffer: int | None = None) -> Client:
        self._clients.append(Client(self.port, receive_buffer))
        return self._clients[-1]

    def stop(self) -> None:
        """As SIGTERM does: no new connections, and an end when what runs is answered."""
        self.worker.handle_exit(None, None)

    @contextmanager
    def running(self) -> Iterator[Server]:
        self._thread.start()
        try:
            yield self
        finally:
            self.stop()
            for client in self._clients:
                client.close()
            self._thread.join()
            self.worker.tmp.close()


@contextmanager
def served(app: Flask) -> Iterator[Server]:
    """A server of this application, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # As gunicorn has it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with Server(app, listener).running() as server:
            yield server
