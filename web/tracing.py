"""Each request has an id, taken from X-Request-ID or made: it is sent back, and in every log line and problem.

And it is a step of a trace, taken from `traceparent` or begun, that the jobs go on with which it makes.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import request

from core import trace
from core.spans import SPANS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

# In a request's environ: when it had come, by `time.perf_counter`, if it waited since.
CAME = "quotes.came"
_HEADER = "X-Request-ID"
_KEY = "quotes.request_id"
# Anything else might break a log line, or fill it.
_PLAIN = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
# Asked every few seconds, by machines.
_PROBES = ("/livez", "/readyz", "/metrics")


def request_id() -> str:
    """The running request's id."""
    return str(request.environ[_KEY])


class Tracing:
    """Stands around the WSGI application, so that even what Flask itself answers is traced."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        sent = environ.get("HTTP_X_REQUEST_ID", "")
        chosen = sent if _PLAIN.fullmatch(sent) else secrets.token_hex(16)
        environ[_KEY] = chosen
        begun = environ.get(CAME) or time.perf_counter()
        path = environ.get("PATH_INFO", "")

        step = trace.following(environ.get("HTTP_TRACEPARENT"))
        method = environ.get("REQUEST_METHOD", "")
        about: dict[str, str | int] = {"http.request.method": method, "url.path": path, "request": chosen}

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            about["http.response.status_code"] = int(status[:3])
            level = logging.DEBUG if path in _PROBES else logging.INFO
            took = round((time.perf_counter() - begun) * 1000, 1)
            # The query is left out: people put keys there. `%r` keeps a line one line.
            logger.log(level, "%s %r %s %s ms", method, path, status[:3], took)
            return start_response(status, [*headers, (_HEADER, chosen)], *rest)

        with trace.running(step, request=chosen), SPANS.span(method, step, about, time.perf_counter() - begun):
            return self._application(environ, start)
