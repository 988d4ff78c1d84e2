"""Webhooks as Standard Webhooks has them: secrets, signatures; and which addresses may be called. Pure.

An address is judged after it was resolved, so that every spelling of it (decimal, octal, a name) is judged alike.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from core.errors import ProjectError

SECRET_PREFIX = "whsec_"  # noqa: S105
LONGEST_URL = 2000
_NEW_SECRET_BYTES = 32
# As the specification asks.
_SECRET_BYTES = range(24, 65)
# IPv4 inside IPv6: its last four bytes (NAT64), or those behind the prefix (6to4).
_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")


class BadTarget(ProjectError):
    """Nothing may or can be sent there."""


class BadSecret(ProjectError):
    """Not a secret that webhooks can be signed with."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook goes. `path` has the query with it; `authority` is what the Host header says."""

    scheme: str
    host: str
    port: int
    path: str
    authority: str


def target_of(url: str) -> Target:
    """The parts of a URL that a webhook may have, wherever its host leads. Raises BadTarget."""
    if len(url) > LONGEST_URL or not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        raise BadTarget(f"must be a URL of at most {LONGEST_URL} printable ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadTarget("must be a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadTarget("must begin with https:// or http://, and a host")
    if "@" in parts.netloc:
        raise BadTarget("must not hold a user or a password")
    if port == 0:
        raise BadTarget("must not name port 0")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    authority = parts.netloc.rstrip(":").lower()
    return Target(parts.scheme, parts.hostname, port or {"http": 80, "https": 443}[parts.scheme], path, authority)


def is_public(address: str) -> bool:
    """Whether a resolved address is one of the open internet: no loopback, private, link-local or multicast one, nor
    an IPv6 one that leads to such an IPv4 one.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        if parsed in _LOCAL_NAT64 or parsed.is_site_local:
            return False
        if (inside := _ipv4_inside(parsed)) is not None:
            return _is_public(inside)
    return _is_public(parsed)


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_NEW_SECRET_BYTES)).decode()


def checked_secret(secret: str) -> str:
    """The secret, if it is `whsec_` and 24 to 64 bytes in base64. Raises BadSecret, which doesn't repeat it."""
    if len(_key_of(secret)) not in _SECRET_BYTES:
        raise BadSecret("must hold 24 to 64 bytes")
    return secret


def signed_headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of an attempt at `timestamp`, seconds since 1970."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(_key_of(secret), content, hashlib.sha256)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _ipv4_inside(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address.teredo:
        return address.teredo[1]
    if address in _NAT64 or address in _COMPATIBLE:
        return IPv4Address(address.packed[-4:])
    return None


def _key_of(secret: str) -> bytes:
    try:
        if not secret.startswith(SECRET_PREFIX):
            raise ValueError
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (ValueError, binascii.Error):
        raise BadSecret(f"must be {SECRET_PREFIX} and base64") from None
