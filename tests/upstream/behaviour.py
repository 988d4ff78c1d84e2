"""How the stand-in misbehaves: what is ordered, for which requests, how often."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from email.utils import formatdate
from time import time
from typing import Any

ERROR_SHAPES: Mapping[str, str] = {
    "status": '{{"status":{{"error_code":{status},"error_message":{message}}}}}',
    "error_status": '{{"error":{{"status":{{"error_code":{status},"error_message":{message}}}}}}}',
    "error": '{{"error":{message}}}',
}
HTML = b"<!DOCTYPE html><html><head><title>Access denied | Cloudflare</title></head><body>Error 1020</body></html>"
KINDS = (
    "answer",  # status, headers and body as ordered; or an error in `shape` (see ERROR_SHAPES) with `message`
    "html",  # a block page with `status`
    "empty",  # 200 and no body
    "none",  # 200 and []
    "wrong_type",  # 200 and {"coins": 1}
    "nan",  # the right rows, with NaN for the first number
    "truncated_json",  # half of the right body, complete by its Content-Length
    "truncated_body",  # half of the right body, and the connection ends
    "gzip",  # the right body, compressed
    "broken_gzip",  # not compressed, but said to be
    "repeat",  # the page before, or the same list again
    "redirect",  # to `location`
    "reset",  # the connection is reset before an answer
    "hang",  # nothing for `seconds`, then the right answer
    "drip",  # the right answer, `seconds` between one byte and the next
    "drip_headers",  # the same, from the first byte of the status line
)


@dataclass(frozen=True)
class Behaviour:
    """An order: `path` is how the request's path ends, `page` which one (None: any), `times` how often (None: ever)."""

    path: str
    kind: str = "answer"
    page: int | None = None
    times: int | None = 1
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    shape: str = ""
    message: str = "Something is wrong"
    retry_after: str = ""
    retry_at: float | None = None  # seconds from now, sent as an HTTP date
    location: str = "http://elsewhere.invalid/"
    seconds: float = 3600.0
    latency: float = 0.0  # waited before anything else

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.shape not in ("", *ERROR_SHAPES):
            raise ValueError(f"no such kind or shape: {self.kind} {self.shape}")

    @classmethod
    def from_json(cls, order: Mapping[str, Any]) -> Behaviour:
        """Raises ValueError for unknown names, TypeError without a path."""
        if unknown := set(order) - {known.name for known in fields(cls)}:
            raise ValueError(f"no such option: {sorted(unknown)}")
        return cls(**order)

    def reply(self, right: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body in place of the `right` body."""
        headers = {"Content-Type": "application/json; charset=utf-8", **self.headers}
        if self.retry_after or self.retry_at is not None:
            date = "" if self.retry_at is None else formatdate(time() + self.retry_at, usegmt=True)
            headers["Retry-After"] = self.retry_after or date
        if self.kind == "html":
            return self.status, {**headers, "Content-Type": "text/html; charset=UTF-8"}, HTML
        if self.kind == "redirect":
            return 302, {**headers, "Location": self.location}, b""
        if self.kind in ("gzip", "broken_gzip"):
            return 200, {**headers, "Content-Encoding": "gzip"}, gzip.compress(right) if self.kind == "gzip" else right
        return self.status, headers, self._body(right)

    def _body(self, right: bytes) -> bytes:
        if self.kind == "answer" and self.shape:
            return ERROR_SHAPES[self.shape].format(status=self.status, message=json.dumps(self.message)).encode()
        if self.kind == "nan":
            first = right.index(b'price":') + len(b'price":')
            return right[:first] + b"NaN" + right[right.index(b",", first) :]
        return {
            "answer": self.body.encode() or right,
            "empty": b"",
            "none": b"[]",
            "wrong_type": b'{"coins": 1}',
            "truncated_json": right[: len(right) // 2],
        }.get(self.kind, right)


class Orders:
    """What is ordered and not yet used up; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: list[tuple[Behaviour, int | None]] = []

    def add(self, behaviour: Behaviour) -> None:
        with self._lock:
            self._left.append((behaviour, behaviour.times))

    def clear(self) -> None:
        with self._lock:
            self._left.clear()

    def take(self, path: str, page: int) -> Behaviour | None:
        """The oldest order that fits this request, now used once more."""
        with self._lock:
            for place, (behaviour, left) in enumerate(self._left):
                if path.endswith(behaviour.path) and behaviour.page in (None, page):
                    if left == 1:
                        del self._left[place]
                    elif left is not None:
                        self._left[place] = (behaviour, left - 1)
                    return behaviour
        return None
