"""Before anything else is asked: is the key right, may this be read, is it too often? Kept answers come after this too.

What is refused goes past them straight to Flask, which raises the refusal as if a view had done so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from flask import Flask, Request, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from core.errors import Unavailable
from core.settings import Settings
from web.auth import Auth, Identity, identity, refusal, sends_key
from web.limits import Limit, by_address, connect
from web.problems import Problem
from web.reads import READY
from web.session import Session

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_REFUSED = "quotes.refused"
_READING = ("GET", "HEAD", "OPTIONS")
# Platforms ask these, without a key and however often.
_PROBES = ("/livez", "/readyz")
# What a stranger needs to sign in, and what tells them nothing: /health says less to those who may not read.
_HEALTH = "/health"
_FOR_STRANGERS = ("/signin", "/signout", _HEALTH)
_ASSETS = ("/static/", "/assets/")
_SAME_SITE = ("same-origin", "none")
# Who once came by https comes by nothing else for a year.
_HTTPS_ONLY = ("Strict-Transport-Security", "max-age=31536000")


class Access:
    """Stands around `application`; what is refused is handed to `flask`, with the reason."""

    def __init__(self, application: WSGIApplication, flask: WSGIApplication, settings: Settings, auth: Auth) -> None:
        self._application = application
        self._flask = flask
        self._proxies = settings.trusted_proxies
        self._behind_proxies = bool(self._proxies.hops or self._proxies.networks)
        self._auth = auth
        assert settings.redis_url  # noqa: S101  checked
        client = connect(settings.redis_url)
        self._reads = _limit("reads", settings.reads_per_minute, client, settings)
        self._writes = _limit("writes", settings.writes_per_minute, client, settings)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._behind_proxies:
            self._believe_proxies(environ)
        if environ.get("PATH_INFO") in _PROBES:
            return self._application(environ, start_response)
        more = _further_headers(environ)
        found: Identity | None = None
        refused: Exception | None = None
        if sends_key(environ) or not self._auth.reading_is_open:
            try:
                found = self._auth.identity(environ)
            except Problem as error:
                refused = error
            except Unavailable as error:
                # That Postgres is away is what /health is there to tell.
                refused = None if environ.get("PATH_INFO") == _HEALTH else error
        limit = self._reads if environ["REQUEST_METHOD"] in _READING else self._writes
        if limit:
            standing = limit.count(_caller(environ, found), may_wait=READY not in environ)
            refused = standing.problem() if standing.refused else refused
            more += standing.headers()
        if more:
            start_response = _with_headers(start_response, more)
        if refused is None and found and not found.principal.may("read") and not _is_open(environ):
            refused = refusal(found, "read")
        if refused is None:
            return self._application(environ, start_response)
        environ[_REFUSED] = refused
        return self._flask(environ, start_response)

    def waits_for_nobody(self, environ: WSGIEnvironment) -> bool:
        """Whether a read is let in without asking Postgres, as a key may need, or Redis, as a limit may."""
        if sends_key(environ) or not self._auth.reading_is_open:
            return False
        if not self._reads:
            return True
        seen = dict(environ)
        if self._behind_proxies:
            self._believe_proxies(seen)
        return self._reads.has_room(_caller(seen, None))

    def _believe_proxies(self, environ: WSGIEnvironment) -> None:
        """From here on the request is as the client sent it."""
        peer = environ.get("REMOTE_ADDR", "")
        if not self._proxies.trusts(peer):
            return
        environ["REMOTE_ADDR"] = self._proxies.client(peer, environ.get("HTTP_X_FORWARDED_FOR", ""))
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").partition(",")[0].strip().lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme


def install(app: Flask) -> None:
    """Raise what was refused on the way in, and what a signed-in browser may not write."""
    app.before_request(_refuse)
    app.before_request(_check_writing_browser)


def refuse_other_sites(incoming: Request) -> None:
    """Raise a 403 Problem for what another site's page made a browser send."""
    site = incoming.headers.get("Sec-Fetch-Site")
    origin = incoming.headers.get("Origin")
    same = site in _SAME_SITE if site else origin is None or urlsplit(origin).netloc == incoming.host
    if not same:
        raise Problem(403, "Another site's page may not do this with your session.")


def _refuse() -> BaseResponse | None:
    refused: Exception | None = request.environ.get(_REFUSED)
    if refused is None:
        return None
    if isinstance(refused, Problem) and refused.status == 401 and _asks_for_page(request):
        return redirect("/signin?next=" + quote(request.full_path.rstrip("?"), safe="/"), 303)
    raise refused


def _check_writing_browser() -> None:
    if request.method in _READING or request.environ.get("PATH_INFO") in _PROBES:
        return
    held = identity().session
    if held is None:
        return
    refuse_other_sites(request)
    _check_token(held)


def _check_token(held: Session) -> None:
    sent = request.headers.get("X-CSRF-Token")
    if sent is None and request.mimetype == "application/x-www-form-urlencoded":
        sent = request.form.get("csrf_token")
    if not held.is_token(sent or ""):
        raise Problem(403, "A signed-in browser must send the page's token, as X-CSRF-Token or as field csrf_token.")


def _asks_for_page(incoming: Request) -> bool:
    """Whether a person's browser wants to see this address."""
    return (
        incoming.method in ("GET", "HEAD")
        and not incoming.path.startswith("/api/")
        and "text/html" in incoming.headers.get("Accept", "")
        and "Authorization" not in incoming.headers
        and "X-API-Key" not in incoming.headers
    )


def _is_open(environ: WSGIEnvironment) -> bool:
    """Whether strangers may come this far: a view that writes asks for its role by itself."""
    path = environ.get("PATH_INFO", "")
    return environ["REQUEST_METHOD"] not in ("GET", "HEAD") or path in _FOR_STRANGERS or path.startswith(_ASSETS)


def _caller(environ: WSGIEnvironment, found: Identity | None) -> str:
    if found and found.has_key:
        return f"key:{found.principal.name}"
    return by_address(environ.get("REMOTE_ADDR", ""))


def _limit(policy: str, per_minute: int, client: Any, settings: Settings) -> Limit | None:
    return Limit(policy, per_minute, client, processes=settings.web_concurrency) if per_minute else None


def _further_headers(environ: WSGIEnvironment) -> list[tuple[str, str]]:
    return [_HTTPS_ONLY] if environ.get("wsgi.url_scheme") == "https" else []


def _with_headers(start_response: StartResponse, more: list[tuple[str, str]]) -> StartResponse:
    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        return start_response(status, [*headers, *more], *rest)

    return start
