"""The one door to every provider: a request goes out, and what comes back is an answer or one of our errors.

What becomes of it is in the class of the error (core/errors.py), never in a status code that a caller would compare:

    no connection, reset, timeout, cut off, broken gzip   Retry
    5xx, 408, 425; 2xx that isn't JSON (HTML, empty, NaN)  Retry
    429; 418 with Retry-After, as Binance bans            RateLimited, "Rate limit exceeded"
    other 4xx; a redirect to elsewhere; over 64 MiB        GiveUp

No message or log line holds a URL or a header's value.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.exceptions import InvalidHeader, InvalidURL, RequestException
from urllib3.exceptions import HTTPError, ReadTimeoutError

from core import exact_json
from core.calls import CALLS
from core.deadline import DeadlineAdapter, deadline
from core.errors import GiveUp, RateLimited, Retry
from core.refusals import retry_after, said, status_line

USER_AGENT = "crypto-quotes/0.1 (market data collector; python-requests)"
LARGEST_BODY = 64 * 2**20  # bytes after decompression; the largest honest answer has about 15 MiB
LARGEST_REFUSAL = 64 * 2**10  # of an error's body: enough for its message
MOST_REDIRECTS = 3
CONNECT_TIMEOUT = 10.0  # seconds; an address that is there answers in one

_thread = threading.local()


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200 with JSON in it: the bytes as they came (unzipped), and the value read from them, numbers as Decimal."""

    body: bytes
    value: object


def get_json(
    source: str,
    url: str,
    *,
    params: Mapping[str, str],
    timeout: float,
    secrets: Mapping[str, str] | None = None,
    turn: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Answer:
    """GET `url` and judge the answer, as the table above says; `source` is who messages say it was.

    `timeout` (seconds) limits each wait; the whole exchange, redirects included, takes at most twice as long.
    `secrets` are headers that carry a key; they follow a redirect only within the same scheme, host and port.
    `turn` is entered around each request, redirected ones too; what it raises goes to the caller as it is.
    """
    secrets = secrets or {}
    with deadline(2 * timeout):
        try:
            for _ in range(MOST_REDIRECTS + 1):
                with turn(), CALLS.noting_failure(source):
                    response = _send(source, url, params, secrets, timeout)
                CALLS.answered(source, response.status_code)
                with response:
                    if not response.is_redirect:
                        return _judge(source, response, secrets)
                    url, params = _next_place(source, url, response.headers["Location"]), {}
        except (requests.Timeout, TimeoutError):
            raise Retry(f"{source} did not answer in time") from None
        except (RequestException, HTTPError, OSError) as error:
            raise Retry(_trouble(source, error)) from None
    raise GiveUp(f"{source} redirects without end")


def _send(
    source: str, url: str, params: Mapping[str, str], secrets: Mapping[str, str], timeout: float
) -> requests.Response:
    session = _session()
    try:
        request = session.prepare_request(requests.Request("GET", url, params=params, headers=dict(secrets)))
    except (InvalidHeader, InvalidURL, ValueError):
        raise GiveUp(f"{source} can't be asked: its configured URL or key isn't usable") from None
    merged = session.merge_environment_settings(request.url or url, {}, True, None, None)
    loopback = urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
    try:
        # Not session.send: that takes cookies, and reads a redirect's target before we have judged it.
        return session.get_adapter(request.url or url).send(
            request,
            stream=True,
            timeout=(min(timeout, CONNECT_TIMEOUT), timeout),
            verify=merged["verify"] or True,
            proxies={} if loopback else merged["proxies"],  # no proxy out there reaches this machine
        )
    except UnicodeError:
        raise GiveUp(f"{source} can't be asked: its configured URL or key isn't usable") from None


def _session() -> requests.Session:
    """The session of this thread: connections are reused, and no state is shared between threads."""
    session: requests.Session | None = getattr(_thread, "session", None)
    if session is None:
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # below that it logs whole URLs
        session = requests.Session()
        session.mount("http://", DeadlineAdapter())
        session.mount("https://", DeadlineAdapter())
        session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip"})
        session.auth = _as_it_is  # else requests would put a password of ~/.netrc over our key
        _thread.session = session
    return session


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _judge(source: str, response: requests.Response, secrets: Mapping[str, str]) -> Answer:
    status = response.status_code
    html = "html" in response.headers.get("Content-Type", "").lower()
    if status == 200:
        body = _body(source, response)
        if html:
            raise Retry(f"{source} answered with an HTML page instead of JSON")
        try:
            return Answer(body, exact_json.read(body))
        except ValueError as error:
            raise Retry(f"{source} answered with what can't be read: {error}") from None
    if status == 429 or (status == 418 and "Retry-After" in response.headers):
        raise RateLimited("Rate limit exceeded", retry_after(response.headers.get("Retry-After", ""), time.time()))
    sentence = f"{source} answered {status_line(status)}"
    if html:
        sentence += " with an HTML page"
    elif message := said(_start_of_body(response), secrets.values()):
        sentence += f": {message}"
    raise (Retry if status < 300 or status in (408, 425) or status >= 500 else GiveUp)(sentence)


def _body(source: str, response: requests.Response) -> bytes:
    pieces, size = [], 0
    for piece in response.iter_content(2**16):
        size += len(piece)
        if size > LARGEST_BODY:
            raise GiveUp(f"{source} answered with more than {LARGEST_BODY // 2**20} MiB")
        pieces.append(piece)
    return b"".join(pieces)


def _start_of_body(response: requests.Response) -> bytes:
    """The first bytes of an error's body, for its message; none if even that fails."""
    try:
        return next(iter(response.iter_content(LARGEST_REFUSAL)), b"")
    except (RequestException, HTTPError, OSError):
        return b""


def _next_place(source: str, url: str, location: str) -> str:
    """Where a redirect leads, if that is the same server (or the same host by https)."""
    try:
        place = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(place)
        to_https = (old.scheme, new.scheme, new.port) == ("http", "https", None) and old.port is None
        if old.hostname == new.hostname and (_server(old) == _server(new) or to_https):
            return place
    except ValueError:
        pass
    raise GiveUp(f"{source} redirects to another server, which is not followed")


def _server(parts: SplitResult) -> tuple[str, int | None]:
    return parts.scheme, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _trouble(source: str, error: Exception) -> str:
    """The sentence for an exchange that broke; the library's own text would hold the URL."""
    if isinstance(error, requests.exceptions.SSLError):
        return f"{source} could not be reached securely (TLS)"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return f"{source} answered with broken compression"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return f"{source} broke off in the middle of its answer"
    if error.args and isinstance(error.args[0], ReadTimeoutError):  # so requests calls a timeout within a body
        return f"{source} did not answer in time"
    return f"{source} could not be reached, or closed the connection"
