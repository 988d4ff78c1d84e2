"""Which heads the loop may take at their word, without a thread and its parser: plain ones, to the last byte."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from gunicorn.config import Config

from web.heads import Heads

CLIENT = ("192.0.2.1", 4711)
SERVER = ("127.0.0.1", 8000)
PLAIN = b"GET /api/v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    """What gunicorn would write to; nothing may be written."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)


@pytest.fixture
def heads() -> Heads:
    return Heads(Config(), lambda address: address.startswith(("/api/v1/stats?", "/api/v1/coins/b tc?")))


@pytest.mark.parametrize(
    ("raw", "address", "closes"),
    [
        (PLAIN, "/api/v1/stats?", False),
        (PLAIN.replace(b"GET", b"HEAD"), "/api/v1/stats?", False),
        (PLAIN.replace(b" HTTP", b"?page=1&q=%20 HTTP"), "/api/v1/stats?page=1&q=%20", False),
        (b"GET /api/v1/coins/b%20tc HTTP/1.1\r\nHost: x\r\nconnection: Close\r\n\r\n", "/api/v1/coins/b tc?", True),
    ],
    ids=["GET", "HEAD", "query", "escaped"],
)
def test_a_plain_head_is_known_after_it_was_read(
    heads: Heads, sock: socket.socket, raw: bytes, address: str, closes: bool
) -> None:
    assert heads.known(raw, CLIENT) is None
    heads.read(raw, sock, CLIENT, SERVER)
    known = heads.known(raw, CLIENT)
    assert known
    assert (known.address, known.closes, known.environ["REMOTE_ADDR"]) == (address, closes, "192.0.2.1")
    # The same bytes over another connection of theirs; but not of anyone else's.
    assert heads.known(raw, ("192.0.2.1", 4712)) is known
    assert heads.known(raw, ("192.0.2.2", 4711)) is None


@pytest.mark.parametrize(
    "raw",
    [
        PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
        PLAIN.replace(b"GET", b"POST"),
        PLAIN.replace(b"GET", b"get"),
        PLAIN.replace(b"stats", b"jobs"),
        PLAIN + b"x",
        PLAIN + PLAIN,
        PLAIN[:-2],
        PLAIN[:-2] + b"Content-Length: 0\r\n\r\n",
        PLAIN[:-2] + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
        PLAIN[:-2] + b"Transfer-Encoding: chunked\r\n\r\n",
        PLAIN[:-2] + b"Transfer-Encoding : chunked\r\n\r\n",
        PLAIN[:-2] + b"Expect: 100-continue\r\n\r\n",
        PLAIN[:-2] + b"Upgrade: h2c\r\n\r\n",
        PLAIN[:-2] + b"X-Folded: a\r\n b\r\n\r\n",
        PLAIN[:-2] + b"X-Odd: a\rb\r\n\r\n",
        PLAIN.replace(b"\r\n", b"\n"),
        b"\r\n" + PLAIN,
        b"",
        b"GET",
    ],
)
def test_what_is_not_quite_plain_is_left_to_a_thread(heads: Heads, sock: socket.socket, raw: bytes) -> None:
    heads.read(raw, sock, CLIENT, SERVER)
    assert heads.known(raw, CLIENT) is None
