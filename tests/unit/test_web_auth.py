"""Who may do what."""

from __future__ import annotations

import pytest
from flask import Request
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from tests.unit.web_requests import settings
from web.auth import ANYONE, Principal, identify
from web.problems import Problem

KEYS = "eye:read:secret-of-eye,ci:ingest:secret-of-ci,boss:admin:secret-of-boss"


def _request(host: str = "localhost", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(EnvironBuilder(base_url=f"http://{host}", headers=Headers(named)).get_environ())


@pytest.mark.parametrize(
    ("role", "may"),
    [("read", ["read"]), ("ingest", ["read", "ingest"]), ("admin", ["read", "ingest", "admin"])],
)
def test_each_role_may_what_the_lesser_ones_may(role: str, may: list[str]) -> None:
    assert [wanted for wanted in ("read", "ingest", "admin") if Principal("x", role).may(wanted)] == may


@pytest.mark.parametrize("header", ["Authorization", "X_API_Key"])
@pytest.mark.parametrize(("name", "role"), [("eye", "read"), ("ci", "ingest"), ("boss", "admin")])
def test_a_key_is_known_by_either_header(header: str, name: str, role: str) -> None:
    prefix = "bearer " if header == "Authorization" else ""
    found = identify(settings(API_KEYS=KEYS), _request(**{header: f"{prefix}secret-of-{name}"}))
    assert found == Principal(name, role)


@pytest.mark.parametrize("sent", ["", "secret-of-c", "secret-of-ci ", "SECRET-OF-CI", "ci:ingest:secret-of-ci", "ü"])
def test_a_key_that_is_none_of_ours_is_refused(sent: str) -> None:
    with pytest.raises(Problem) as refused:
        identify(settings(API_KEYS=KEYS), _request(X_API_Key=sent))
    assert refused.value.status == 401
    assert "WWW-Authenticate" in refused.value.headers


def test_a_key_may_hold_letters_of_any_script() -> None:
    found = identify(
        settings(API_KEYS="me:admin:schlüssel1"), _request(X_API_Key="schlüssel1".encode().decode("latin-1"))
    )
    assert found.name == "me"


def test_without_a_key_only_reading_is_open_once_keys_are_set() -> None:
    assert identify(settings(API_KEYS=KEYS), _request()) == ANYONE
    assert identify(settings(API_KEYS=KEYS), _request(Authorization="Basic c2VjcmV0")) == ANYONE


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_a_server_without_keys_is_open_to_this_machine(host: str) -> None:
    assert identify(settings(), _request(host)).may("admin")
    assert identify(settings(), _request(host, Origin=f"http://{host}")).may("admin")


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("evil.example", {}),  # a name that was made to point here
        ("localhost:8000", {"Origin": "https://evil.example"}),
        ("localhost:8000", {"Origin": "null"}),
        ("localhost:8000", {"Origin": "http://localhost:9000"}),
        ("localhost:8000", {"Sec_Fetch_Site": "cross-site"}),
    ],
)
def test_a_server_without_keys_is_closed_to_other_sites_pages(host: str, headers: dict[str, str]) -> None:
    assert identify(settings(), _request(host, **headers)) == ANYONE


def test_an_origin_that_is_configured_may_use_an_open_server() -> None:
    allowed = settings(CORS_ORIGINS="https://app.example")
    assert identify(allowed, _request(Origin="https://app.example")).may("admin")
