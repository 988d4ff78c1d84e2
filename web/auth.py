"""Who calls, and how far they may go: API keys with the roles read < ingest < admin, sent by header or signed in.

Reading is open, or behind a key by READ_ACCESS. Writing needs a key, unless the server listens on loopback alone and
there never was a key; then whoever calls it by a loopback name is admin. A key that is sent must be right, for
reading too. A session that has ended is none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Request, request

from core.errors import Unavailable
from core.settings import ROLES, Settings
from web import session
from web.keyring import Keyring
from web.problems import Problem
from web.services import services
from web.session import Session

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="api"'}
_KEY = "quotes.identity"
# A proxy on this machine may call us by a loopback name for the whole world.
_SAID_BY_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `name` is written on the jobs that they ask for; without a role they may do nothing."""

    name: str
    role: str | None

    def may(self, role: str) -> bool:
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(role)


ANYONE = Principal("anonymous", "read")
STRANGER = Principal("anonymous", None)
_OPEN = Principal("anonymous", "admin")


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller, whether a key was shown, and the session if the key came by that."""

    principal: Principal
    has_key: bool = False
    session: Session | None = None


class Auth:
    """Tells callers by what they send. Every method may raise Unavailable, when Postgres is needed for it and away."""

    def __init__(self, settings: Settings, keys: Keyring) -> None:
        self.keys = keys
        self.reading_is_open = settings.read_access == "open"
        self._settings = settings

    def identity(self, environ: WSGIEnvironment) -> Identity:
        """Who sent this request, found out once. Raises a 401 Problem for a key that is none of ours."""
        found: Identity | None = environ.get(_KEY)
        if found is None:
            found = environ[_KEY] = self._identify(environ)
        return found

    def _identify(self, environ: WSGIEnvironment) -> Identity:
        sent = _sent_key(environ)
        if sent is not None:
            key = self.keys.find(sent)
            if key is None:
                raise Problem(401, "This API key is not known here.", headers=CHALLENGE)
            return Identity(Principal(key.name, key.role), has_key=True)
        incoming = Request(environ)
        if session.may_have(environ) and (held := session.read(self.keys, incoming, self._settings.session_lifetime)):
            return Identity(Principal(held.key.name, held.key.role), has_key=True, session=held)
        if _from_this_machine(self._settings, incoming) and self.keys.is_empty():
            return Identity(_OPEN)
        return Identity(ANYONE if self.reading_is_open else STRANGER)


def sends_key(environ: WSGIEnvironment) -> bool:
    """Whether the request brings anything by which its sender might be known."""
    return "HTTP_AUTHORIZATION" in environ or "HTTP_X_API_KEY" in environ or session.may_have(environ)


def needs(role: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a view be called only by who holds the role; 401 without a key, 403 with a lesser one."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            found = identity()
            if not found.principal.may(role):
                raise refusal(found, role)
            return view(*args, **kwargs)

        return guarded

    return decorate


def identity() -> Identity:
    """Who sent the running request, and how that is known."""
    return services().auth.identity(request.environ)


def caller() -> Principal:
    """Who sent the running request."""
    return identity().principal


def may_read() -> bool:
    """Whether the running request may see data; not, when nobody can say because Postgres is away."""
    try:
        return services().auth.reading_is_open or caller().may("read")
    except Unavailable:
        return False


def refusal(found: Identity, role: str) -> Problem:
    """What to answer who may not do what needs this role."""
    if not found.has_key:
        return Problem(
            401,
            f"This needs an API key with the role {role}: send it as Authorization: Bearer or X-API-Key.",
            headers=CHALLENGE,
        )
    return Problem(403, f"This needs the role {role}; your key has the role {found.principal.role}.")


def _sent_key(environ: WSGIEnvironment) -> bytes | None:
    # WSGI hands headers over as Latin-1, whatever their bytes meant.
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        return str(token).strip().encode("latin-1", "replace")
    sent: str | None = environ.get("HTTP_X_API_KEY")
    return None if sent is None else sent.encode("latin-1", "replace")


def _from_this_machine(settings: Settings, incoming: Request) -> bool:
    """Whether an open server was called by a loopback name, and not by another site's page in somebody's browser."""
    if settings.api_keys or not settings.listens_on_loopback or not _is_loopback(incoming.host):
        return False
    if any(name in incoming.headers for name in _SAID_BY_PROXIES):
        return False
    origin = incoming.headers.get("Origin")
    if origin is None:
        return incoming.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
    return urlsplit(origin).netloc == incoming.host or origin in settings.cors_origins


def _is_loopback(host: str) -> bool:
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
