"""A browser's session: a signed, expiring reference to a key, never the key itself.

The cookie names the key and a fingerprint of its digest, so it ends when the key is revoked or becomes another one.
Nothing is kept on the server; all processes that sign with the same secret know each other's sessions.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import Request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from db.apikeys import ActiveKey
from web.keyring import Keyring

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# A browser takes a cookie of the first name from this very host alone, and only by https.
_SECURE_NAME = "__Host-quotes_session"
_PLAIN_NAME = "quotes_session"
_SALT = "crypto-quotes session"


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser: whose key it has, and the token that its writes must bring."""

    key: ActiveKey
    csrf_token: str = field(repr=False)

    def is_token(self, sent: str) -> bool:
        return hmac.compare_digest(self.csrf_token.encode(), sent.encode("utf-8", "replace"))


def cookie_name(environ: WSGIEnvironment) -> str:
    """What the cookie is called on this connection."""
    return _SECURE_NAME if environ.get("wsgi.url_scheme") == "https" else _PLAIN_NAME


def may_have(environ: WSGIEnvironment) -> bool:
    """Whether it is worth a closer look."""
    return _PLAIN_NAME in environ.get("HTTP_COOKIE", "")


def read(keys: Keyring, incoming: Request, lifetime: float) -> Session | None:
    """The session that the request's cookie refers to; None without one, or when it has ended."""
    cookie = incoming.cookies.get(cookie_name(incoming.environ))
    if not cookie:
        return None
    secret = keys.session_secret()
    try:
        name, fingerprint, number = _serializer(secret).loads(cookie, max_age=int(lifetime))
    except (BadData, ValueError, TypeError):
        return None
    for key in keys.named(name):
        if hmac.compare_digest(_fingerprint(key), fingerprint):
            return Session(key, _token(secret, number))
    return None


def begin(keys: Keyring, key: ActiveKey, incoming: Request, answer: Response, lifetime: float) -> None:
    """Let the answer sign the browser in."""
    value = _serializer(keys.session_secret()).dumps([key.name, _fingerprint(key), secrets.token_urlsafe(16)])
    answer.set_cookie(
        cookie_name(incoming.environ),
        str(value),
        max_age=int(lifetime),
        secure=incoming.is_secure,
        httponly=True,
        samesite="Strict",
        path="/",
    )


def end(incoming: Request, answer: Response) -> None:
    """Let the answer sign the browser out."""
    answer.delete_cookie(
        cookie_name(incoming.environ), path="/", secure=incoming.is_secure, httponly=True, samesite="Strict"
    )


def _serializer(secret: bytes) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        secret, salt=_SALT, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
    )


def _fingerprint(key: ActiveKey) -> str:
    # Of the role too: a key that was given another one has become another key.
    return hashlib.sha256(b"session:" + key.role.encode() + b":" + key.digest).hexdigest()[:32]


def _token(secret: bytes, number: str) -> str:
    return hmac.digest(secret, f"csrf:{number}".encode(), "sha256").hex()
