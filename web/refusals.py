"""What the server itself says to a request that never reaches Flask: a problem too, not a page of HTML."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from http import HTTPStatus

from gunicorn.http import errors

from web.problems import CONTENT_TYPE, problem_object

_STATUS_OF: Mapping[type[Exception], int] = {
    errors.LimitRequestLine: 414,
    errors.ExpectationFailed: 417,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
}
_DETAILS = {
    400: "This is no HTTP request as RFC 9112 has it.",
    414: "The address with its query is too long.",
    417: "This server knows no other expectation than 100-continue.",
    431: "The headers are too long, or too many.",
    500: "The server failed at this request. Its log has the reason under the request_id.",
    501: "This server doesn't know that Transfer-Encoding.",
}


def status_of(error: BaseException) -> int:
    """Whose fault it was that a request could not be read or answered, as a status."""
    for kind, status in _STATUS_OF.items():
        if isinstance(error, kind):
            return status
    return 400 if isinstance(error, errors.ParseException) else 500


def whole_answer(status: int, request_id: str) -> bytes:
    """A problem with its head, as it goes over the wire. The connection ends with it."""
    body = json.dumps(problem_object(status, _DETAILS[status], request_id=request_id)).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nConnection: close\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nX-Request-ID: {request_id}\r\n"
        "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n"
    )
    return head.encode() + body


def new_id() -> str:
    """An id for a request whose own, if it had one, could not be read."""
    return secrets.token_hex(16)
