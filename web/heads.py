"""Reads by the bytes of their heads: a client sends the same again and again, and parsing costs more than answering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gunicorn import http, util
from gunicorn.http import wsgi

from core.kept import Kept
from web.reads import address_of

if TYPE_CHECKING:
    import socket

    from _typeshed.wsgi import WSGIEnvironment

_MOST_BYTES = 4 * 1024 * 1024
# What a parsed head takes beside its bytes, and how often those are in it.
_OVERHEAD, _TIMES = 4000, 3
_METHODS = (b"GET", b"HEAD")
# They ask for more than an answer, or have a body.
_NOT_PLAIN = frozenset(("CONTENT-LENGTH", "TRANSFER-ENCODING", "EXPECT", "UPGRADE"))
# What belongs to one connection alone.
_ITS_OWN = ("gunicorn.socket", "wsgi.early_hints", "REMOTE_PORT")


@dataclass(frozen=True, slots=True)
class Head:
    """A request without a body, as gunicorn would hand it to the application; `closes`: it is the connection's last."""

    environ: WSGIEnvironment
    address: str
    closes: bool


class Heads:
    """Reads heads by gunicorn's configuration; `knows` says which addresses are worth it."""

    def __init__(self, config: Any, knows: Callable[[str], bool]) -> None:
        self._config = config
        self._knows = knows
        self._kept: Kept[Head] = Kept(_MOST_BYTES)

    def known(self, raw: bytes, client: Any) -> Head | None:
        """What these bytes, as this client sent them, were found to ask for."""
        return self._kept.get(_key(raw, client))

    def read(self, raw: bytes, sock: socket.socket, client: Any, server: Any) -> None:
        """Know these bytes, when they are one whole plain GET or HEAD for a known address."""
        address = _address(raw)
        if address and self._knows(address) and not self.known(raw, client):
            head = self._parsed(raw, sock, client, server)
            if head:
                self._kept.keep(_key(raw, client), head, _OVERHEAD + _TIMES * len(raw))

    def _parsed(self, raw: bytes, sock: socket.socket, client: Any, server: Any) -> Head | None:
        try:
            parser = http.get_parser(self._config, (raw,), client)
            request = next(parser)
            if request.version != (1, 1) or not _NOT_PLAIN.isdisjoint(name for name, _ in request.headers):
                return None
            if parser.unreader.take_buffered():
                return None
            _, environ = wsgi.create(request, sock, client, server, self._config)
        except Exception:
            # The thread that gets it instead says what is wrong.
            return None
        for name in _ITS_OWN:
            environ.pop(name, None)
        return Head(environ, address_of(environ), bool(request.should_close()))


def _key(raw: bytes, client: Any) -> tuple[bytes, Any]:
    # gunicorn believes some headers of some clients, whatever port they come from.
    return raw, client[0] if isinstance(client, tuple) else client


def _address(raw: bytes) -> str | None:
    """Of a GET or HEAD, as far as can be told at a glance."""
    method, _, rest = raw.partition(b" ")
    if method not in _METHODS:
        return None
    path, _, query = rest.partition(b" ")[0].partition(b"?")
    return f"{util.unquote_to_wsgi_str(path)}?{query.decode('latin-1')}"
