"""API keys in the database: made, listed, revoked; a key itself is shown once and only its digest kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from core.errors import GiveUp, Unavailable
from core.settings import ROLES
from db.pool import Connection
from db.queries import sql

# Says what it is where it turns up by mistake, so that scanners for leaked secrets can be taught it.
_MARK = "cq_"
_RANDOM_BYTES = 32
_SHOWN = len(_MARK) + 6
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class BadKeyName(GiveUp):
    """A name or role that no key may have."""


class KeyNameTaken(GiveUp):
    """A key of this name exists, or existed: names aren't given twice, since jobs bear them."""


class NoSuchKey(GiveUp):
    """There is no key of this name in the database."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as people see it. `last_used_at` is to the hour; `revoked_at` is None while it is good."""

    name: str
    role: str
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ActiveKey:
    """A key as web needs it: the SHA-256 of its secret."""

    name: str
    role: str
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """What web keeps for a moment: the good keys, whether there ever was one, and the secret for sessions."""

    keys: tuple[ActiveKey, ...]
    any_ever: bool
    session_secret: bytes = field(repr=False)


def digest_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def make_key(connection: Connection, name: str, role: str) -> str:
    """The secret of a new key, which can't be had a second time.

    Raises BadKeyName for a name that isn't 1 to 64 letters, digits, `.`, `_`, `@`, `-` or a role that there isn't,
    KeyNameTaken for a name that any key ever had.
    """
    if not _NAME.fullmatch(name):
        raise BadKeyName("a key's name is 1 to 64 letters, digits, dots, hyphens, underscores or @")
    if role not in ROLES:
        raise BadKeyName(f"a key's role is one of {', '.join(ROLES)}")
    secret = _MARK + secrets.token_urlsafe(_RANDOM_BYTES)
    row = {"name": name, "role": role, "digest": digest_of(secret), "prefix": secret[:_SHOWN]}
    if connection.execute(sql("insert_key"), row).fetchone() is None:
        raise KeyNameTaken(f"a key named {name} exists or existed: choose another name")
    return secret


def list_keys(connection: Connection) -> list[KeyRecord]:
    """Every key that was ever made, the oldest first, revoked ones too."""
    return [KeyRecord(*row) for row in connection.execute(sql("list_keys"))]


def revoke_key(connection: Connection, name: str) -> None:
    """Refuse the key from now on: web processes do so within 5 seconds. Raises NoSuchKey."""
    if connection.execute(sql("revoke_key"), {"name": name}).fetchone() is None:
        raise NoSuchKey(f"there is no key named {name[:64]!r} in the database")


def stored(connection: Connection) -> Stored:
    """All that web needs to tell callers apart. Raises Unavailable when somebody deleted the secret."""
    keys = tuple(ActiveKey(name, role, bytes(digest)) for name, role, digest in connection.execute(sql("active_keys")))
    ever = connection.execute(sql("any_key_ever")).fetchone()
    secret = connection.execute(sql("session_secret")).fetchone()
    if not ever or not secret:
        # Never go on with an empty secret: anyone could sign with it.
        raise Unavailable("the database has no secret for sessions")
    return Stored(keys, bool(ever[0]), bytes(secret[0]))


def mark_used(connection: Connection, names: Iterable[str]) -> None:
    """Note that keys were used lately."""
    connection.execute(sql("mark_keys_used"), {"names": list(names)})
