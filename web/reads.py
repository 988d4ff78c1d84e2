"""GETs that were asked before, answered around Flask: a request's parsing costs more than its answer.

The first GET of an address goes through its view, which checks all of it and leaves the question behind by
`remembered`. From then on the address is answered here: with the kept answer while the data version is the same, which
is asked for anew for every request, else by asking the question again; requests that wait for the same share an asking
that began after they came. What the view refused is never kept, and what
can't be answered here is left to the view. Who may read, and how often, web.access has seen to before.

Most requests bring along what they are answered with: web.desk has seen to it while they held no thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Response, request

from core.kept import Kept
from core.settings import Settings
from db import version
from db.coins import Read
from db.pool import Connection, Database
from web.answers import json_text
from web.freshness import Freshness
from web.headers import headers_of
from web.version import VERSION

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    Headers = list[tuple[str, str]]

Question = Callable[[Connection], Read | None]
# In a request's environ: what it is answered with.
READY = "quotes.ready"
_KEY = "quotes.remembered"
_MOST_QUESTIONS_BYTES = 8 * 1024 * 1024
# A client may keep the answer, and asks each time whether it is still right.
_CACHING = {"Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer, and the version of the data that it was read from."""

    version: str
    body: bytes


def remembered(question: Question, read: Read) -> Response:
    """The view's answer; the same address will be answered by asking `question` while it has an answer."""
    request.environ[_KEY] = question, read
    return json_text(read.text)


class Reads:
    """Stands between the server and Flask. Answers of at most `settings.answer_cache_bytes` are kept ready."""

    def __init__(self, application: WSGIApplication, settings: Settings, database: Database) -> None:
        self._application = application
        self._settings = settings
        self._database = database
        self._questions: Kept[Question] = Kept(_MOST_QUESTIONS_BYTES)
        self._ready: Kept[Ready] = Kept(settings.answer_cache_bytes)
        self._version: Freshness[str] = Freshness()
        self._found: Freshness[Ready | None] = Freshness()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._application(environ, start_response)
        address = address_of(environ)
        ready = environ.get(READY) or self._answer(address)
        if ready is None:
            return self._ask_view(address, environ, start_response)
        return self._send(ready, environ, start_response)

    def knows(self, address: str) -> bool:
        """Whether it can be answered here."""
        return self._questions.get(address) is not None

    def kept(self, address: str) -> Ready | None:
        """The answer as it was when the data had its version."""
        return self._ready.get(address)

    def find(self, address: str) -> Ready | None:
        """Ask the question now; None when it has no answer any more, and the view has the words for that."""
        question = self._questions.get(address)
        if question is None:
            return None
        with self._database.connection() as connection:
            read = question(connection)
        return self._keep(address, read) if read else None

    def _answer(self, address: str) -> Ready | None:
        if not self.knows(address):
            return None
        try:
            kept = self._ready.get(address)
            if kept and kept.version == self._version.ask(None, self._current_version):
                return kept
            return self._found.ask(address, partial(self.find, address))
        except Exception:
            # Whatever it is, the view meets it as well, and has the words for it.
            return None

    def _ask_view(self, address: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: Headers, *rest: Any) -> Any:
            if not status.startswith("200 "):
                environ.pop(_KEY, None)
            return _swallow if _KEY in environ else start_response(status, headers, *rest)

        answer = self._application(environ, start)
        if _KEY not in environ:
            return answer
        if hasattr(answer, "close"):
            answer.close()
        question, read = environ[_KEY]
        self._questions.keep(address, question, len(address))
        return self._send(self._keep(address, read), environ, start_response)

    def _keep(self, address: str, read: Read) -> Ready:
        ready = Ready(read.version, read.text.encode())
        self._ready.keep(address, ready, len(address) + len(ready.body))
        return ready

    def _send(self, ready: Ready, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        tag = f'"{VERSION}-{ready.version}"'
        headers = {"ETag": f"W/{tag}", **headers_of(self._settings, environ.get("HTTP_ORIGIN")), **_CACHING}
        asked = environ.get("HTTP_IF_NONE_MATCH", "")
        if tag in asked or asked.strip() == "*":
            start_response("304 Not Modified", list(headers.items()))
            return []
        headers["Content-Type"] = "application/json"
        headers["Content-Length"] = str(len(ready.body))
        start_response("200 OK", list(headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [ready.body]

    def _current_version(self) -> str:
        with self._database.connection() as connection:
            return version.current(connection)


def address_of(environ: WSGIEnvironment) -> str:
    """Path and query as one: what an answer depends on, but for its headers."""
    return str(environ.get("PATH_INFO", "")) + "?" + str(environ.get("QUERY_STRING", ""))


def _swallow(_data: bytes) -> None:
    """Flask's own answer goes nowhere: it is sent from what was remembered."""
