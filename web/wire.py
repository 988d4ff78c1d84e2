"""An answer as it goes over the wire, made at once: for an application that has all of it ready."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gunicorn import SERVER, util

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment


Parts = Sequence[bytes | memoryview]


def answer(application: WSGIApplication, environ: WSGIEnvironment, *, closes: bool) -> Parts:
    """Head and body as gunicorn would send them over HTTP/1.1; the application says how long its body is."""
    told: tuple[str, list[tuple[str, str]]] = ("", [])

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        nonlocal told
        told = (status, headers)
        return _swallow

    parts = application(environ, start)
    try:
        body = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    status, headers = told
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers])
    connection = "close" if closes else "keep-alive"
    head = (
        f"HTTP/1.1 {status}\r\nServer: {SERVER}\r\nDate: {_date(int(time.time()))}\r\n"
        f"Connection: {connection}\r\n{fields}\r\n"
    )
    return head.encode("latin-1"), body


def rest(parts: Parts, sent: int) -> Parts:
    """What is left to send of these parts. It is no copy: many may be slow to take the same answer."""
    left = []
    for part in parts:
        if sent < len(part):
            left.append(memoryview(part)[sent:])
        sent = max(0, sent - len(part))
    return left


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return str(util.http_date(second))


def _swallow(_data: bytes) -> None:
    """What is written before the body is returned: our application doesn't."""
