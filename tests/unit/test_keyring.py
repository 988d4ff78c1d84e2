"""Keys are asked for seldom, and a revoked one is refused soon."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from core.errors import Unavailable
from db.apikeys import ActiveKey, Stored, digest_of
from tests.unit.web_requests import settings
from web.keyring import Keyring

PROMISED_SECONDS = 5.0


class Store:
    """A database of keys by a clock of its own."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.now = 1000.0
        self.asked = 0
        self.away = False
        self.used: list[str] = []

    def __call__(self, used: Collection[str]) -> Stored:
        self.asked += 1
        if self.away:
            raise Unavailable("away")
        self.used += used
        keys = tuple(ActiveKey(name, "read", digest_of(f"secret of {name}")) for name in self.names)
        return Stored(keys, any_ever=True, session_secret=b"s" * 32)

    def keyring(self, **environ: str) -> Keyring:
        return Keyring(settings(**environ), self, clock=lambda: self.now)


def test_the_database_is_asked_once_for_many_requests() -> None:
    store = Store("ann")
    keys = store.keyring()
    for _ in range(1000):
        assert keys.find(b"secret of ann")
        assert keys.find(b"something else") is None
    assert store.asked == 1


def test_a_revoked_key_is_refused_within_the_promised_time_however_often_it_is_sent() -> None:
    store = Store("ann")
    keys = store.keyring()
    assert keys.find(b"secret of ann")
    store.names.clear()
    revoked_at = store.now
    while keys.find(b"secret of ann"):
        store.now += 0.1
        assert store.now - revoked_at <= PROMISED_SECONDS


def test_a_new_key_is_good_soon() -> None:
    store = Store()
    keys = store.keyring()
    assert keys.find(b"secret of ann") is None
    store.names.append("ann")
    store.now += PROMISED_SECONDS
    assert keys.find(b"secret of ann")


def test_while_the_database_is_away_keys_are_good_for_the_promised_time_and_no_longer() -> None:
    store = Store("ann")
    keys = store.keyring()
    assert keys.find(b"secret of ann")
    store.away = True
    store.now += 3
    assert keys.find(b"secret of ann")
    store.now += PROMISED_SECONDS - 3
    with pytest.raises(Unavailable):
        keys.find(b"secret of ann")


def test_configured_keys_need_no_database() -> None:
    store = Store()
    store.away = True
    found = store.keyring(API_KEYS="me:admin:12345678").find(b"12345678")
    assert found
    assert (found.name, found.role, store.asked) == ("me", "admin", 0)


def test_use_is_noted_by_name_and_not_each_time() -> None:
    store = Store("ann", "bob")
    keys = store.keyring()
    for _ in range(100):
        keys.find(b"secret of ann")
        store.now += 1
    assert store.used == ["ann"]
    store.now += 3600
    for _ in range(2):
        keys.find(b"secret of ann")
        store.now += PROMISED_SECONDS
    keys.find(b"secret of ann")
    assert store.used == ["ann", "ann"]


def test_no_secret_shows_up_in_the_text_of_a_key() -> None:
    stored = Store("ann")(())
    assert repr(digest_of("secret of ann"))[2:-1] not in repr(stored)
    assert "sssss" not in repr(stored)
