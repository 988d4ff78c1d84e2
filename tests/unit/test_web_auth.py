"""Who may do what."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from core.errors import Unavailable
from db.apikeys import ActiveKey, Stored, digest_of
from tests.unit.web_requests import settings
from web.auth import ANYONE, STRANGER, Auth, Principal
from web.keyring import Keyring
from web.problems import Problem

KEYS = "eye:read:secret-of-eye,ci:ingest:secret-of-ci,boss:admin:secret-of-boss"
NONE_EVER = Stored((), any_ever=False, session_secret=b"s" * 32)


def _who(_host: str = "localhost", _settings: str = "", **headers: str) -> Principal:
    """Who is seen in a request with these headers, when no key was ever made; settings as `NAME=value`."""
    return _among(NONE_EVER, _host, _settings, **headers)


def _among(_stored: Stored, _host: str = "localhost", _settings: str = "", **headers: str) -> Principal:
    made = settings(**dict([_settings.split("=", 1)] if _settings else []))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    environ = EnvironBuilder(base_url=f"http://{_host}", headers=Headers(named)).get_environ()
    return Auth(made, Keyring(made, lambda _used: _stored)).identity(environ).principal


def _with_keys(**headers: str) -> Principal:
    return _among(NONE_EVER, "localhost", f"API_KEYS={KEYS}", **headers)


@pytest.mark.parametrize(
    ("role", "may"),
    [(None, []), ("read", ["read"]), ("ingest", ["read", "ingest"]), ("admin", ["read", "ingest", "admin"])],
)
def test_each_role_may_what_the_lesser_ones_may(role: str | None, may: list[str]) -> None:
    assert [wanted for wanted in ("read", "ingest", "admin") if Principal("x", role).may(wanted)] == may


@pytest.mark.parametrize("header", ["Authorization", "X_API_Key"])
@pytest.mark.parametrize(("name", "role"), [("eye", "read"), ("ci", "ingest"), ("boss", "admin")])
def test_a_key_is_known_by_either_header(header: str, name: str, role: str) -> None:
    prefix = "bearer " if header == "Authorization" else ""
    assert _with_keys(**{header: f"{prefix}secret-of-{name}"}) == Principal(name, role)


@pytest.mark.parametrize("sent", ["", "secret-of-c", "secret-of-ci ", "SECRET-OF-CI", "ci:ingest:secret-of-ci", "ü"])
def test_a_key_that_is_none_of_ours_is_refused(sent: str) -> None:
    with pytest.raises(Problem) as refused:
        _with_keys(X_API_Key=sent)
    assert refused.value.status == 401
    assert "WWW-Authenticate" in refused.value.headers


def test_a_key_may_hold_letters_of_any_script() -> None:
    found = _who(_settings="API_KEYS=me:admin:schlüssel1", X_API_Key="schlüssel1".encode().decode("latin-1"))
    assert found.name == "me"


def test_a_key_of_the_database_is_as_good_as_one_of_the_environment() -> None:
    stored = Stored((ActiveKey("ann", "ingest", digest_of("made-by-command")),), True, b"s" * 32)
    for given in ("", f"API_KEYS={KEYS}"):
        assert _among(stored, _settings=given, X_API_Key="made-by-command") == Principal("ann", "ingest")


def test_without_a_key_only_reading_is_open_once_keys_are_set() -> None:
    assert _with_keys() == ANYONE
    assert _with_keys(Authorization="Basic c2VjcmV0") == ANYONE


def test_without_a_key_nothing_is_open_where_reading_needs_one() -> None:
    assert _who("example.com", _settings="READ_ACCESS=key") == STRANGER


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_a_server_without_keys_is_open_to_this_machine(host: str) -> None:
    assert _who(host).may("admin")
    assert _who(host, Origin=f"http://{host}").may("admin")
    assert _who(host, _settings="READ_ACCESS=key").may("admin")


def test_a_server_is_open_no_more_once_there_was_a_key_in_the_database() -> None:
    assert _among(Stored((), any_ever=True, session_secret=b"s" * 32)) == ANYONE


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
    assert _among(NONE_EVER, host, "", **headers) == ANYONE


@pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded", "X_Real_IP", "Via"])
def test_a_server_without_keys_is_closed_to_who_comes_by_a_proxy_on_this_machine(header: str) -> None:
    assert not _who("127.0.0.1:8000", **{header: "192.0.2.7"}).may("ingest")


def test_an_origin_that_is_configured_may_use_an_open_server() -> None:
    assert _who(_settings="CORS_ORIGINS=https://app.example", Origin="https://app.example").may("admin")


def test_who_would_be_let_in_is_not_while_nobody_can_say_whether_there_are_keys() -> None:
    made = settings()

    def away(_used: object) -> Stored:
        raise Unavailable("away")

    environ = EnvironBuilder(base_url="http://localhost").get_environ()
    with pytest.raises(Unavailable):
        Auth(made, Keyring(made, away)).identity(environ)
