"""The stand-in for all providers' servers: a real one over HTTP/1.1, on 127.0.0.1."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from types import TracebackType
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from tests.upstream.behaviour import Behaviour, Orders
from tests.upstream.markets import Markets, made_up

COINGECKO = "/coins/markets"
COINPAPRIKA = "/tickers"
BINANCE = "/ticker/24hr"
KRAKEN = "/public/Ticker"
KRAKEN_PAIRS = "/public/AssetPairs"


@dataclass(frozen=True)
class Seen:
    """A request that came: when (seconds since 1970), from which port (a connection), and what it asked."""

    at: float
    connection: int
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    behaviour: str


class Upstream:
    """All APIs on a port of their own. A context manager; `behave` orders trouble, `log` tells what came.

    `markets` is what they serve, asked for at each request.
    """

    def __init__(self, markets: Callable[[], Markets] | Markets | None = None, port: int = 0) -> None:
        self.markets = _always(made_up(300) if markets is None else markets)
        self.orders = Orders()
        self.log: list[Seen] = []
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="upstream")

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        """The settings that point the program here."""
        return {
            "COINGECKO_API_URL": f"{self.url}/api/v3",
            "COINPAPRIKA_API_URL": f"{self.url}/v1",
            "BINANCE_API_URL": f"{self.url}/api/v3",
            "KRAKEN_API_URL": f"{self.url}/0",
        }

    def behave(self, path: str, kind: str = "answer", **options: Any) -> None:
        """Order trouble for the next request that fits (`times=3`: three, `times=None`: all); see Behaviour."""
        self.orders.add(Behaviour(path, kind, **options))

    def forget(self) -> None:
        """Behave again, and begin an empty log."""
        self.orders.clear()
        self.log.clear()

    def __enter__(self) -> Upstream:
        self._thread.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()


def _always(markets: Callable[[], Markets] | Markets) -> Callable[[], Markets]:
    return (lambda: markets) if isinstance(markets, Markets) else markets


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for every answer under way
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], upstream: Upstream) -> None:
        super().__init__(address, handler)
        self.upstream = upstream
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the other end was faster

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in mid-answer is nothing to tell of."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def upstream(self) -> Upstream:
        return cast(_Server, self.server).upstream

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/_log":
            self._answer_json(200, [asdict(seen) for seen in self.upstream.log])
            return
        behaviour = self.upstream.orders.take(parts.path, _whole(query.get("page"), 1))
        kind = behaviour.kind if behaviour else ""
        seen = Seen(time(), self.client_address[1], self.command, parts.path, query, dict(self.headers), kind)
        self.upstream.log.append(seen)
        if behaviour:
            self._misbehave(behaviour, parts.path, query)
        else:
            status, body = self._right(parts.path, query)
            self._answer(status, {"Content-Type": "application/json; charset=utf-8"}, body)

    def do_POST(self) -> None:
        """`/_behave` takes an order (the fields of Behaviour, as JSON), `/_forget` ends all orders and the log."""
        body = self.rfile.read(_whole(self.headers.get("Content-Length"), 0))
        if self.path == "/_forget":
            self.upstream.forget()
        elif self.path == "/_behave":
            try:
                self.upstream.orders.add(Behaviour.from_json(json.loads(body)))
            except (ValueError, TypeError) as error:
                self._answer_json(422, {"error": str(error)})
                return
        else:
            self._answer_json(404, {"error": "not found"})
            return
        self._answer_json(200, {})

    def _right(self, path: str, query: Mapping[str, str]) -> tuple[int, bytes]:
        if path.endswith(COINGECKO):
            if "vs_currency" not in query:
                return 422, b'{"error":"Missing parameter vs_currency"}'
            page = max(_whole(query.get("page"), 1), 1)
            return 200, self.upstream.markets().coingecko_page(page, _whole(query.get("per_page"), 100))
        if path.endswith(COINPAPRIKA):
            return 200, self.upstream.markets().coinpaprika_list()
        if path.endswith(BINANCE):
            return 200, self.upstream.markets().binance_list()
        if path.endswith((KRAKEN, KRAKEN_PAIRS)):
            return 200, self.upstream.markets().kraken_answer(path.endswith(KRAKEN))
        return 404, b'{"error":"not found"}'

    def _misbehave(self, behaviour: Behaviour, path: str, query: Mapping[str, str]) -> None:
        self.upstream.stopping.wait(behaviour.latency)
        if behaviour.kind == "reset":
            # SO_LINGER of 0 makes close() send RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        if behaviour.kind == "hang":
            self.upstream.stopping.wait(behaviour.seconds)
        if behaviour.kind == "repeat":
            query = {**query, "page": str(max(_whole(query.get("page"), 1) - 1, 1))}
        _, right = self._right(path, query)
        self._answer(*behaviour.reply(right), behaviour)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes, behaviour: Behaviour | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        head = b"".join([*cast(Any, self)._headers_buffer, b"\r\n"])
        cast(Any, self)._headers_buffer = []
        kind = behaviour.kind if behaviour else ""
        if behaviour and kind in ("drip", "drip_headers"):
            self._drip(head, body, behaviour)
            return
        if kind == "truncated_body":
            body = body[: len(body) // 2]
            self.close_connection = True
        self.wfile.write(head + body)  # at once: two small writes cost a round trip

    def _drip(self, head: bytes, body: bytes, behaviour: Behaviour) -> None:
        dripped = head + body if behaviour.kind == "drip_headers" else body
        self.wfile.write(b"" if behaviour.kind == "drip_headers" else head)
        for byte in dripped:
            if self.upstream.stopping.wait(behaviour.seconds):
                break
            self.wfile.write(bytes([byte]))
        self.close_connection = True

    def _answer_json(self, status: int, value: object) -> None:
        self._answer(status, {"Content-Type": "application/json"}, json.dumps(value).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Upstream.log holds what came; standard error stays for trouble."""


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default
