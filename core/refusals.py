"""What a provider says when it refuses: its status, its message in the shapes they use, its Retry-After."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from core import exact_json

LONGEST_MESSAGE = 200  # characters
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")


def retry_after(header: str, now: float) -> float | None:
    """The seconds to wait that a Retry-After header asks for, as a number or as an HTTP date (RFC 9110, 10.2.3).

    `now` is in seconds since 1970. None when the header is missing or garbage, or names no wait (0, a time gone by):
    the ordinary backoff is then the wiser wait. An absurd wait is returned as it is; the caller caps it.
    """
    header = header.strip()
    if _SECONDS.fullmatch(header):
        return float(header) or None
    try:
        wait = parsedate_to_datetime(header).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return wait if wait > 0 else None


def status_line(status: int) -> str:
    """`404 Not Found`: the words are ours, not the server's."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def said(body: bytes, secrets: Iterable[str]) -> str:
    """The message in an error's body, on one line, cut to 200 characters, any of `secrets` blotted out; or "".

    Known shapes: `{"error": "text"}` (both providers), `{"status": {"error_message": "text"}}` and
    `{"error": {"status": {"error_message": "text"}}}` (CoinGecko), with `error_code` beside the message;
    `{"code": -1121, "msg": "text"}` (Binance).
    """
    try:
        value = exact_json.read(body)
    except ValueError:
        return ""
    text = _message(value)
    for secret in secrets:
        if secret.strip():
            text = text.replace(secret.strip(), "[key]")
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:LONGEST_MESSAGE]


def _message(value: object) -> str:
    for key in ("error", "status", "error_message", "msg"):
        if isinstance(value, Mapping) and key in value:
            value = value[key]
    return value if isinstance(value, str) else ""
