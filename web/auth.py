"""Who calls, and how far they may go: API keys with the roles read < ingest < admin.

Reading is open. Writing needs a key, unless the server listens on loopback alone and no key is set; then whoever
calls it by a loopback name is admin. A key that is sent must be right, for reading too.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import Request, g, request

from core.settings import ROLES, ApiKey, Settings
from web.problems import Problem
from web.services import services

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="api"'}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. `name` is written on the jobs that they ask for."""

    name: str
    role: str

    def may(self, role: str) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)


ANYONE = Principal("anonymous", "read")


def identify(settings: Settings, incoming: Request) -> Principal:
    """Who sent this request. Raises a 401 Problem for a key that is none of ours."""
    if not settings.api_keys:
        return Principal("anonymous", "admin") if _from_this_machine(settings, incoming) else ANYONE
    sent = _sent_key(incoming)
    if sent is None:
        return ANYONE
    found = _matching(settings.api_keys, sent)
    if found is None:
        raise Problem(401, "This API key is not known here.", headers=_CHALLENGE)
    return Principal(found.name, found.role)


def needs(role: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a view be called only by who holds the role; 401 without a key, 403 with a lesser one."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            principal = identify(services().settings, request)
            if not principal.may(role):
                raise _refusal(principal, role)
            g.principal = principal
            return view(*args, **kwargs)

        return guarded

    return decorate


def caller() -> Principal:
    """Who sent the running request; known inside views that `needs` guards."""
    principal: Principal = g.principal
    return principal


def _refusal(principal: Principal, role: str) -> Problem:
    if principal == ANYONE:
        return Problem(
            401,
            f"This needs an API key with the role {role}: send it as Authorization: Bearer or X-API-Key.",
            headers=_CHALLENGE,
        )
    return Problem(403, f"This needs the role {role}; your key has the role {principal.role}.")


def _sent_key(incoming: Request) -> str | None:
    scheme, _, token = incoming.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return incoming.headers.get("X-API-Key")


def _matching(keys: tuple[ApiKey, ...], sent: str) -> ApiKey | None:
    # All are compared, and each in constant time: how long it takes tells nothing.
    # WSGI hands headers over as Latin-1.
    guess = sent.encode("latin-1", "replace")
    found = None
    for key in keys:
        if hmac.compare_digest(key.secret.encode(), guess):
            found = key
    return found


def _from_this_machine(settings: Settings, incoming: Request) -> bool:
    """Whether an open server was called by a loopback name, and not by another site's page in somebody's browser."""
    if not settings.listens_on_loopback or not _is_loopback(incoming.host):
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
