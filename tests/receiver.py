"""A receiver of webhooks that can misbehave, and that tells a true signature from a false one by itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    """A request as it came; header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def is_signed_with(self, secret: str) -> bool:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = b".".join([self.id.encode(), self.headers["webhook-timestamp"].encode(), self.body])
        true = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{true}" in self.headers["webhook-signature"].split(" ")


class Receiver:
    """Answers 204, or as `orders` say, one a request: a status, garbage, close, endless; hang until `let_go`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[Received] = []
        self.orders: deque[int | str] = deque()
        self.headers: dict[str, str] = {}
        self.let_go = threading.Event()

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.received]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    shown: Receiver


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        shown = self.server.shown
        body = self.rfile.read(int(self.headers["Content-Length"]))
        shown.received.append(Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        order = shown.orders.popleft() if shown.orders else 204
        if order == "hang":
            shown.let_go.wait(60)
            order = 204
        if isinstance(order, int):
            self._answer(order, shown.headers)
        elif order == "garbage":
            self.wfile.write(b"\x00\x01 this is no HTTP\r\n\r\n")
        elif order == "endless":
            self._write_until_nobody_reads()
        self.close_connection = True

    def _answer(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _write_until_nobody_reads(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        with suppress(OSError):
            while True:
                self.wfile.write(b"x" * 65536)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver on a port of its own, for as long as the block runs."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.shown = made = Receiver(f"http://127.0.0.1:{server.server_port}/hook?token=in-the-url")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        made.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()
