"""Requests as fast as answers come, over connections that stay open: raw sockets and one epoll (or kqueue) loop.

A library's client would be the slowest of all measured here. This one says what share of a core it needed, so that
nobody takes its limit for the server's. `python -m bench.load PORT CONNECTIONS SECONDS PATH…` prints a JSON object;
each connection asks for the paths in turn.
"""

from __future__ import annotations

import json
import re
import resource
import selectors
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bench.figures import percentile

_READ = 1 << 18
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
# Answers that are 200, or what a conditional request hopes for.
_GOOD = (b"HTTP/1.1 200", b"HTTP/1.1 304")
# An answer this late counts as none.
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Told:
    """Of one run: how many good answers, how many others, seconds; `client` is this process' share of a core."""

    answers: int
    errors: int
    seconds: float
    p50: float
    p99: float
    client: float

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.answers / self.seconds


class _Connection:
    """One that always has a request under way."""

    def __init__(self, port: int, requests: Sequence[bytes], first: int) -> None:
        self._port = port
        self._requests = requests
        self._next = first
        self.socket = self._connect()
        self._begin()

    def _connect(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE_SECONDS)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def _begin(self) -> None:
        self._held = b""
        self._wanted = 0
        self.sent = time.perf_counter()
        self.socket.sendall(self._requests[self._next % len(self._requests)])
        self._next += 1

    def read(self) -> bool | None:
        """Take what came: whether the answer was good, None when it isn't whole yet. Asks again at once."""
        try:
            data = self.socket.recv(_READ)
        except OSError:
            data = b""
        if not data:
            return False
        self._held = self._held + data if self._held else data
        if not self._wanted:
            head = self._held.find(b"\r\n\r\n")
            if head < 0:
                return None
            length = _LENGTH.search(self._held, 0, head)
            self._wanted = head + 4 + (int(length[1]) if length else 0)
        if len(self._held) < self._wanted:
            return None
        return self._held.startswith(_GOOD)

    def again(self) -> None:
        self._begin()

    def renew(self) -> None:
        self.socket.close()
        self.socket = self._connect()
        self._begin()


def load(
    port: int, connections: int, seconds: float, paths: Sequence[str], *, until: threading.Event | None = None
) -> Told:
    """Keep `connections` busy for that long, or until that happens."""
    requests = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() for path in paths]
    selector = selectors.DefaultSelector()
    for number in range(connections):
        made = _Connection(port, requests, number * max(1, len(requests) // connections))
        selector.register(made.socket, selectors.EVENT_READ, made)
    latencies: list[float] = []
    errors = 0
    cpu = _cpu()
    begun = time.perf_counter()
    end = begun + seconds
    while (now := time.perf_counter()) < end and not (until and until.is_set()):
        for key, _ in selector.select(min(end - now, 1.0)):
            connection: _Connection = key.data
            good = connection.read()
            if good is None:
                continue
            if good:
                latencies.append(time.perf_counter() - connection.sent)
                connection.again()
                continue
            errors += 1
            selector.unregister(connection.socket)
            connection.renew()
            selector.register(connection.socket, selectors.EVENT_READ, connection)
    took = time.perf_counter() - begun
    client = (_cpu() - cpu) / took
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    selector.close()
    return Told(len(latencies), errors, took, percentile(latencies, 0.5), percentile(latencies, 0.99), client)


def _cpu() -> float:
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


if __name__ == "__main__":
    told = load(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
    sys.stdout.write(json.dumps(asdict(told)) + "\n")
