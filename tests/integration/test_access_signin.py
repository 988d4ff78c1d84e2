"""Signing in with a browser: a cookie that refers to a key, ends with it, and writes only from our own pages."""

from __future__ import annotations

import re
from collections.abc import Callable

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from db.apikeys import make_key, revoke_key
from tests.integration.conftest import MakeClient

BOSS = "secret-of-the-boss"
KEYS = f"boss:admin:{BOSS},eye:read:secret-of-the-eye"
HTML = {"Accept": "text/html"}


MakeBrowser = Callable[..., FlaskClient]


@pytest.fixture
def make_browser(make_client: MakeClient) -> MakeBrowser:
    """Browsers of a server of these settings; `like` is one whose cookies it has."""

    def make(like: FlaskClient | None = None, **environ: str) -> FlaskClient:
        made = FlaskClient(make_client(**environ).application)
        for cookie in (like._cookies or {}).values() if like else ():
            made.set_cookie(cookie.key, cookie.value)
        return made

    return make


@pytest.fixture
def browser(make_browser: MakeBrowser) -> FlaskClient:
    return make_browser(API_KEYS=KEYS)


def sign_in(browser: FlaskClient, key: str = BOSS, **form: str) -> TestResponse:
    return browser.post("/signin", data={"key": key, **form}, headers=HTML)


def token_of(browser: FlaskClient) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', browser.get("/signin", headers=HTML).text)
    assert found
    return found[1]


def test_a_key_is_entered_once_and_kept_as_a_reference_that_scripts_and_other_sites_dont_get(
    browser: FlaskClient,
) -> None:
    answer = sign_in(browser, next="/api/v1/stats?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/api/v1/stats?x=1")
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} <= set(cookie.split("; "))
    assert BOSS not in cookie
    assert "Secure" not in cookie
    assert "You are signed in" in browser.get("/signin", headers=HTML).text


def test_a_signed_in_browser_writes_with_the_pages_token_alone(browser: FlaskClient) -> None:
    sign_in(browser)
    assert browser.post("/api/v1/ingest/csv").status_code == 403
    assert browser.post("/api/v1/ingest/csv", headers={"X-CSRF-Token": "0" * 64}).status_code == 403
    token = token_of(browser)
    assert browser.post("/api/v1/ingest/csv", headers={"X-CSRF-Token": token}).status_code == 202
    asked = browser.get("/api/v1/jobs").get_json()["data"]
    assert len(asked) == 1


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_another_sites_page_writes_nothing_even_with_the_token(browser: FlaskClient, headers: dict[str, str]) -> None:
    sign_in(browser)
    token = token_of(browser)
    answer = browser.post("/api/v1/ingest/csv", headers={"X-CSRF-Token": token, **headers})
    assert answer.status_code == 403
    assert sign_in(FlaskClient(browser.application)).status_code == 303
    refused = FlaskClient(browser.application).post("/signin", data={"key": BOSS}, headers=headers)
    assert refused.status_code == 403


def test_a_token_is_good_for_its_own_session_alone(browser: FlaskClient) -> None:
    sign_in(browser)
    other = FlaskClient(browser.application)
    sign_in(other)
    answer = other.post("/api/v1/ingest/csv", headers={"X-CSRF-Token": token_of(browser)})
    assert answer.status_code == 403


def test_a_form_may_bring_the_token_as_a_field_and_signing_out_ends_the_session(browser: FlaskClient) -> None:
    sign_in(browser)
    assert browser.post("/signout").status_code == 403
    answer = browser.post("/signout", data={"csrf_token": token_of(browser)})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/signin")
    assert "Sign in</h1>" in browser.get("/signin", headers=HTML).text
    assert browser.post("/api/v1/ingest/csv").status_code == 401


def test_a_key_in_a_header_needs_no_token(browser: FlaskClient) -> None:
    assert browser.post("/api/v1/ingest/csv", headers={"X-API-Key": BOSS}).status_code == 202


def test_a_wrong_key_signs_nobody_in_and_isnt_shown_again(browser: FlaskClient) -> None:
    answer = sign_in(browser, key="wrong-and-secret")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert "not known here" in answer.text
    assert "wrong-and-secret" not in answer.text


def test_trying_keys_one_after_the_other_is_stopped(browser: FlaskClient) -> None:
    answers = [sign_in(browser, key=f"guess-{number}").status_code for number in range(25)]
    assert answers[0] == 401
    # A new minute may begin in between, and gives ten more.
    assert answers.count(429) >= 5
    stopped = browser.post("/signin", data={"key": BOSS})
    assert stopped.status_code in (303, 429)


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:x", ""]
)
def test_signing_in_leads_nowhere_else(browser: FlaskClient, elsewhere: str) -> None:
    assert sign_in(browser, next=elsewhere).headers["Location"] == "/"


def test_a_session_ends_with_its_key(make_browser: MakeBrowser, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        secret = make_key(connection, "ann", "ingest")
        browser = make_browser(API_KEYS=KEYS)
        assert sign_in(browser, key=secret).status_code == 303
        token = token_of(browser)
        assert browser.post("/api/v1/ingest/csv", headers={"X-CSRF-Token": token}).status_code == 202
        revoke_key(connection, "ann")
    # As in a process that has not asked for keys lately.
    again = make_browser(browser, API_KEYS=KEYS)
    assert again.post("/api/v1/ingest/csv", headers={"X-CSRF-Token": token}).status_code == 401


def test_a_session_is_known_to_every_process_and_ends_when_the_configured_key_becomes_another(
    make_browser: MakeBrowser,
) -> None:
    browser = make_browser(API_KEYS=KEYS)
    sign_in(browser)
    for keys, signed_in in ((KEYS, True), (KEYS.replace(BOSS, "another-secret"), False)):
        other = make_browser(browser, API_KEYS=keys)
        assert ("You are signed in" in other.get("/signin", headers=HTML).text) is signed_in


def test_a_cookie_of_another_secret_is_worth_nothing(make_browser: MakeBrowser) -> None:
    browser = make_browser(API_KEYS=KEYS, SECRET_KEY="a" * 32)
    sign_in(browser)
    other = make_browser(browser, API_KEYS=KEYS, SECRET_KEY="b" * 32)
    assert "You are signed in" not in other.get("/signin", headers=HTML).text


def test_behind_a_trusted_proxy_with_https_the_cookie_never_goes_in_the_clear(make_browser: MakeBrowser) -> None:
    browser = make_browser(API_KEYS=KEYS, TRUSTED_PROXIES="1")
    answer = browser.post("/signin", data={"key": BOSS}, headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["Set-Cookie"].startswith("__Host-")
    assert "; Secure" in answer.headers["Set-Cookie"]
    plain = make_browser(API_KEYS=KEYS)
    claimed = plain.post("/signin", data={"key": BOSS}, headers={"X-Forwarded-Proto": "https"})
    assert "Secure" not in claimed.headers["Set-Cookie"]


def test_a_server_that_is_open_to_this_machine_needs_no_signing_in(make_browser: MakeBrowser) -> None:
    browser = make_browser()
    assert "open to this machine" in browser.get("/signin", headers=HTML).text
    assert browser.post("/api/v1/ingest/csv").status_code == 202


@pytest.mark.parametrize("header", ["Transfer-Encoding: chunked", "Expect: 100-continue"])
def test_a_form_that_is_still_to_come_is_not_waited_for(browser: FlaskClient, header: str) -> None:
    name, _, value = header.partition(": ")
    answer = browser.post("/signin", data={"key": BOSS}, headers={name: value})
    assert answer.status_code == 411
    assert "Set-Cookie" not in answer.headers
