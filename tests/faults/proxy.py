"""A TCP proxy between the program and one of its services: it loses replies, and cuts or stalls connections."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

_PIECE = 2**16


@dataclass
class _Loss:
    """An order: to a request that holds `request`, the reply (of at least `length` bytes) doesn't arrive."""

    request: bytes
    length: int
    times: int


class Proxy:
    """Listens on a port of its own, on 127.0.0.1, and passes everything on to `target`. A context manager.

    `listener` is a socket that listens elsewhere.
    """

    def __init__(self, target: int, listener: socket.socket | None = None) -> None:
        self._target = target
        self._listener = listener or socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._losses: list[_Loss] = []
        self._links: set[_Link] = set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._acceptor = threading.Thread(target=self._accept, name="proxy", daemon=True)

    def __enter__(self) -> Proxy:
        self._acceptor.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        # shutdown, since close alone doesn't wake the thread that accepts
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.flow()
        self.cut()

    def lose_replies(self, times: int, request: bytes = b"", length: int = 1) -> None:
        """The service acts, the program never hears of it: the reply is dropped and its connection ends."""
        with self._lock:
            self._losses.append(_Loss(request, length, times))

    def forget(self) -> None:
        """Lose no more replies."""
        with self._lock:
            self._losses.clear()

    def cut(self) -> None:
        """End all connections."""
        with self._lock:
            links = list(self._links)
        for link in links:
            link.end()

    def stall(self) -> None:
        """Let nothing through, without ending anything, until `flow`."""
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            link = _Link(self, client, server)
            with self._lock:
                self._links.add(link)
            link.start()

    def ended(self, link: _Link) -> None:
        with self._lock:
            self._links.discard(link)

    def wait(self) -> None:
        self._flowing.wait()

    def is_lost(self, request: bytes, reply: bytes) -> bool:
        """Whether this reply is to be lost; counts it."""
        with self._lock:
            for loss in self._losses:
                if loss.request in request and len(reply) >= loss.length:
                    loss.times -= 1
                    if not loss.times:
                        self._losses.remove(loss)
                    return True
        return False


class _Link:
    """One connection: a thread each way."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._asked = b""
        self._pumps = 2
        self._lock = threading.Lock()
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def start(self) -> None:
        threading.Thread(target=self._run, args=(self._there,), name="proxy there", daemon=True).start()
        threading.Thread(target=self._run, args=(self._back,), name="proxy back", daemon=True).start()

    def end(self) -> None:
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _run(self, pump: object) -> None:
        assert callable(pump)
        with suppress(OSError):
            pump()
        self.end()
        with self._lock:
            self._pumps -= 1
            last = self._pumps == 0
        if last:
            self._client.close()
            self._server.close()
            self._proxy.ended(self)

    def _there(self) -> None:
        while data := self._client.recv(_PIECE):
            self._proxy.wait()
            self._asked = data
            self._server.sendall(data)
        self._server.shutdown(socket.SHUT_WR)

    def _back(self) -> None:
        while data := self._server.recv(_PIECE):
            self._proxy.wait()
            if self._proxy.is_lost(self._asked, data):
                return
            self._client.sendall(data)
