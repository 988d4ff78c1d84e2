"""Requests as fast as answers come, over connections that stay open: raw sockets and one epoll (or kqueue) loop.

A library's client would be the slowest of all measured here. This one says what share of a core it needed, so that
nobody takes its limit for the server's. `python -m bench.load PORT CONNECTIONS SECONDS PATH…` tries it by hand.
"""

from __future__ import annotations

import re
import resource
import selectors
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.contenders import Bad
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
    complaint: str  # how the first answer that was not good began

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

    @property
    def held(self) -> str:
        """How the answer begins, or that there is none."""
        return self._held[:200].decode(errors="replace") or "a closed connection"

    def again(self) -> None:
        self._begin()

    def renew(self) -> None:
        self.socket.close()
        self.socket = self._connect()
        self._begin()


def load(
    port: int,
    connections: int,
    seconds: float,
    paths: Sequence[str],
    *,
    until: threading.Event | None = None,
    fewest: int = 1,
) -> Told:
    """Keep `connections` busy for that long, or until that happens; each asks for the paths in turn.

    Goes on for up to half a minute until there are at least `fewest` answers.

    Raises Bad when not one answer was good.
    """
    requests = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() for path in paths]
    selector = selectors.DefaultSelector()
    for number in range(connections):
        made = _Connection(port, requests, number * max(1, len(requests) // connections))
        selector.register(made.socket, selectors.EVENT_READ, made)
    latencies: list[float] = []
    errors = 0
    complaint = ""
    cpu = _cpu()
    begun = time.perf_counter()
    end = begun + seconds
    while not (until and until.is_set()):
        now = time.perf_counter()
        if now > end and (len(latencies) + errors >= fewest or now > begun + _PATIENCE_SECONDS):
            break
        for key, _ in selector.select(min(max(end - now, 0.01), 1.0)):
            connection: _Connection = key.data
            good = connection.read()
            if good is None:
                continue
            if good:
                latencies.append(time.perf_counter() - connection.sent)
                connection.again()
                continue
            errors += 1
            complaint = complaint or connection.held
            selector.unregister(connection.socket)
            connection.renew()
            selector.register(connection.socket, selectors.EVENT_READ, connection)
    took = time.perf_counter() - begun
    client = (_cpu() - cpu) / took
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    selector.close()
    if not latencies:
        raise Bad(f"no good answer to {paths[0]}; the first was {complaint!r}")
    return Told(
        len(latencies), errors, took, percentile(latencies, 0.5), percentile(latencies, 0.99), client, complaint
    )


def _cpu() -> float:
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


if __name__ == "__main__":
    sys.stdout.write(f"{load(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])}\n")
