"""Which key is this? Those of API_KEYS, and those in the database, which are asked for again every few seconds.

A sent key is looked up by a digest under a secret of this process: how long that takes tells nothing about any key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from threading import Lock

from core.errors import Unavailable
from core.settings import Settings
from db import apikeys
from db.apikeys import ActiveKey, Stored
from db.pool import Database

# Looked at again after the first, never relied on for longer than the second: within that a revoked key is refused.
_RENEW_SECONDS = 2.0
_OLDEST_SECONDS = 4.5
_HOUR = 3600

Ask = Callable[[Collection[str]], Stored]


@dataclass(frozen=True, slots=True)
class _Seen:
    at: float
    stored: Stored
    by_digest: dict[bytes, ActiveKey]


class Keyring:
    """`ask` gets the database's keys, and is told the names of those used lately. Threads share it.

    Every method may raise Unavailable when the database can't be asked, but for keys of API_KEYS.
    """

    def __init__(self, settings: Settings, ask: Ask, clock: Callable[[], float] = time.monotonic) -> None:
        self.ask = ask
        self._clock = clock
        self._blinding = secrets.token_bytes(32)
        self._configured = tuple(ActiveKey(key.name, key.role, _digest(key.secret)) for key in settings.api_keys)
        self._by_digest = self._indexed(self._configured)
        self._given_secret = settings.secret_key.encode()
        self._asking = Lock()
        self._seen: _Seen | None = None
        self._failed_at = float("-inf")
        self._used: set[str] = set()
        self._noted: dict[str, float] = {}

    @classmethod
    def of(cls, settings: Settings, database: Database) -> Keyring:
        """The one that asks this database."""

        def ask(used: Collection[str]) -> Stored:
            with database.connection() as connection:
                if used:
                    apikeys.mark_used(connection, used)
                return apikeys.stored(connection)

        return cls(settings, ask)

    def find(self, secret: bytes) -> ActiveKey | None:
        """The key that this is, in UTF-8; None when it is none of ours."""
        blind = self._blind(hashlib.sha256(secret).digest())
        if found := self._by_digest.get(blind):
            return found
        found = self._current().by_digest.get(blind)
        if found:
            self._note_use(found.name)
        return found

    def named(self, name: str) -> list[ActiveKey]:
        """The good keys of that name: one of API_KEYS and one of the database may share it."""
        return [key for key in (*self._configured, *self._current().stored.keys) if key.name == name]

    def is_empty(self) -> bool:
        """Whether no key was ever set or made."""
        return not self._configured and not self._current().stored.any_ever

    def session_secret(self) -> bytes:
        """What sessions are signed with, the same in every web process."""
        return self._given_secret or self._current().stored.session_secret

    def _current(self) -> _Seen:
        came = self._clock()
        seen = self._seen
        if seen and came - seen.at < _RENEW_SECONDS:
            return seen
        usable = seen is not None and came - seen.at < _OLDEST_SECONDS
        # One thread asks. The others go on with what is known, or wait when that is too old.
        if not self._asking.acquire(blocking=not usable):
            assert seen  # noqa: S101  usable
            return seen
        try:
            return self._asked(came)
        except Unavailable:
            if usable and seen:
                return seen
            raise
        finally:
            self._asking.release()

    def _asked(self, came: float) -> _Seen:
        if self._seen and self._seen.at >= came:
            return self._seen
        if self._failed_at >= came:
            # Whoever waited for another's question takes its answer, instead of failing as slowly once more.
            raise Unavailable("the database can't be reached now")
        used, self._used = self._used, set()
        begun = self._clock()
        try:
            stored = self.ask(used)
        except Unavailable:
            self._failed_at = self._clock()
            raise
        self._seen = _Seen(begun, stored, self._indexed(stored.keys))
        return self._seen

    def _note_use(self, name: str) -> None:
        now = self._clock()
        if now - self._noted.get(name, float("-inf")) >= _HOUR / 2:
            self._noted[name] = now
            self._used.add(name)

    def _indexed(self, keys: Collection[ActiveKey]) -> dict[bytes, ActiveKey]:
        return {self._blind(key.digest): key for key in keys}

    def _blind(self, digest: bytes) -> bytes:
        return hmac.digest(self._blinding, digest, "sha256")


def _digest(secret: str) -> bytes:
    return apikeys.digest_of(secret)
