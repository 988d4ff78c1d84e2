"""Answers as they go over the wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from web.wire import answer, rest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class _Body:
    """One that must be closed."""

    def __init__(self) -> None:
        self.is_closed = False

    def __iter__(self) -> Iterable[bytes]:
        return iter((b"some", b"thing"))

    def close(self) -> None:
        self.is_closed = True


def test_an_answer_is_its_head_and_all_of_its_body() -> None:
    body = _Body()

    def application(_environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        start("200 OK", [("X-Name", "caf\xe9"), ("Content-Length", "9")])
        return body  # type: ignore[return-value]

    head, sent = answer(application, {}, closes=True)
    lines = bytes(head).decode("latin-1").split("\r\n")
    assert (lines[0], lines[3:]) == (
        "HTTP/1.1 200 OK",
        ["Connection: close", "X-Name: caf\xe9", "Content-Length: 9", "", ""],
    )
    assert (sent, body.is_closed) == (b"something", True)


def test_what_is_left_to_send_is_no_copy() -> None:
    head, body = b"head", b"body"
    for sent in range(8):
        left = rest((head, body), sent)
        assert b"".join(left) == b"headbody"[sent:]
        assert {part.obj for part in left if isinstance(part, memoryview)} <= {head, body}
    assert rest((head, body), 8) == []
    assert rest(rest((head, body), 2), 3)[0].tobytes() == b"ody"  # type: ignore[union-attr]


def test_an_application_that_fails_fails_here() -> None:
    def application(_environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
        raise LookupError

    with pytest.raises(LookupError):
        answer(application, {}, closes=False)
