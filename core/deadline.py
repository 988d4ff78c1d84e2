"""A time limit for a whole HTTP exchange.

A timeout of requests limits one wait for bytes; a server that sends a byte now and then never meets it, neither with
its body nor with its headers. The connections of this adapter read through a stream that looks at the clock before
each wait.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, ClassVar, cast

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_until: ContextVar[float] = ContextVar("until", default=float("inf"))


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Within the block, a read over a DeadlineAdapter raises TimeoutError once so many seconds have passed."""
    token = _until.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _until.reset(token)


class _TimedStream(io.RawIOBase):
    """A socket's incoming bytes; also what http.client takes for a socket, of which it only asks `makefile`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._stream = sock.makefile("rb", buffering=0)
        self._longest_wait = sock.gettimeout()

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        left = _until.get() - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        self._sock.settimeout(left if self._longest_wait is None else min(left, self._longest_wait))
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _TimedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(cast(socket.socket, _TimedStream(sock)), *args, **named)


class _TimedConnection(HTTPConnection):
    response_class = _TimedResponse


class _TimedTlsConnection(HTTPSConnection):
    response_class = _TimedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _TimedConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedTlsConnection


class DeadlineAdapter(HTTPAdapter):
    """Sends like requests' own adapter, by proxy or not, and keeps to the `deadline` around it."""

    _POOLS: ClassVar[dict[str, type[HTTPConnectionPool]]] = {"http": _Pool, "https": _TlsPool}

    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        super().init_poolmanager(*args, **named)
        self.poolmanager.pool_classes_by_scheme = self._POOLS

    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **named)
        if not proxy.lower().startswith("socks"):  # whose connections are of a kind of their own
            manager.pool_classes_by_scheme = self._POOLS
        return manager


def pool_to(scheme: str, address: str, port: int, **named: Any) -> HTTPConnectionPool:
    """A pool of connections to one address that keep to the `deadline` around them; `named` as urllib3 has it."""
    return DeadlineAdapter._POOLS[scheme](address, port, **named)
