"""The door to the providers against a real server that misbehaves."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import http
from core.errors import GiveUp, ProjectError, RateLimited, Retry
from core.http import Answer, get_json
from core.refusals import retry_after, said
from tests.upstream.server import COINPAPRIKA, Upstream

PATIENT = 20.0
IMPATIENT = 0.15
KEY = "a-secret-key-17"


def ask(upstream: Upstream, timeout: float = PATIENT, path: str = "/v1/tickers") -> Answer:
    return get_json(
        "coinpaprika", upstream.url + path, params={"quotes": "USD"}, timeout=timeout, secrets={"Authorization": KEY}
    )


def test_an_answer_is_its_bytes_and_its_exact_value(upstream: Upstream) -> None:
    upstream.behave(COINPAPRIKA, body='[{"price": 1.223e-09}]')
    assert ask(upstream) == Answer(b'[{"price": 1.223e-09}]', [{"price": Decimal("1.223e-09")}])


def test_a_compressed_answer_is_unpacked(upstream: Upstream) -> None:
    upstream.behave(COINPAPRIKA, "gzip")
    assert ask(upstream) == ask(upstream)
    assert upstream.log[0].headers["Accept-Encoding"] == "gzip"


def test_a_request_says_who_asks_and_for_what(upstream: Upstream) -> None:
    ask(upstream)
    [seen] = upstream.log
    assert seen.query == {"quotes": "USD"}
    assert seen.headers["User-Agent"].startswith("crypto-quotes/")
    assert seen.headers["Accept"] == "application/json"
    assert seen.headers["Authorization"] == KEY


MISBEHAVIOURS: list[tuple[str, dict[str, Any], float, type[ProjectError], str]] = [
    ("reset", {}, PATIENT, Retry, "coinpaprika could not be reached, or closed the connection"),
    ("hang", {}, IMPATIENT, Retry, "coinpaprika did not answer in time"),
    ("drip", {"seconds": 0.01}, IMPATIENT, Retry, "coinpaprika did not answer in time"),
    ("drip_headers", {"seconds": 0.01}, IMPATIENT, Retry, "coinpaprika did not answer in time"),
    ("truncated_body", {}, PATIENT, Retry, "coinpaprika broke off in the middle of its answer"),
    ("truncated_json", {}, PATIENT, Retry, "coinpaprika answered with what can't be read: the body is not JSON"),
    ("nan", {}, PATIENT, Retry, "coinpaprika answered with what can't be read: the body holds NaN"),
    ("empty", {}, PATIENT, Retry, "coinpaprika answered with what can't be read: the body is empty"),
    ("html", {}, PATIENT, Retry, "coinpaprika answered with an HTML page instead of JSON"),
    ("broken_gzip", {}, PATIENT, Retry, "coinpaprika answered with broken compression"),
    ("html", {"status": 403}, PATIENT, GiveUp, "coinpaprika answered 403 Forbidden with an HTML page"),
    ("html", {"status": 502}, PATIENT, Retry, "coinpaprika answered 502 Bad Gateway with an HTML page"),
    ("redirect", {}, PATIENT, GiveUp, "coinpaprika redirects to another server, which is not followed"),
    ("redirect", {"location": "//127.0.0.1:1/v1/tickers"}, PATIENT, GiveUp, "coinpaprika redirects to another server"),
    ("redirect", {"location": "https://127.0.0.1/"}, PATIENT, GiveUp, "coinpaprika redirects to another server"),
    ("redirect", {"location": "http://[::"}, PATIENT, GiveUp, "coinpaprika redirects to another server"),
    ("redirect", {"location": "/v1/tickers", "times": None}, PATIENT, GiveUp, "coinpaprika redirects without end"),
    ("answer", {"status": 204}, PATIENT, Retry, "coinpaprika answered 204 No Content"),
    ("answer", {"status": 304}, PATIENT, GiveUp, "coinpaprika answered 304 Not Modified"),
    ("answer", {"status": 408}, PATIENT, Retry, "coinpaprika answered 408 Request Timeout"),
    ("answer", {"status": 500}, PATIENT, Retry, "coinpaprika answered 500 Internal Server Error"),
    ("answer", {"status": 503, "retry_after": "9"}, PATIENT, Retry, "coinpaprika answered 503 Service Unavailable"),
    ("answer", {"status": 520}, PATIENT, Retry, "coinpaprika answered 520"),
    ("answer", {"status": 400, "shape": "error"}, PATIENT, GiveUp, "coinpaprika answered 400 Bad Request: Something"),
    ("answer", {"status": 401, "shape": "status"}, PATIENT, GiveUp, "coinpaprika answered 401 Unauthorized: Something"),
    ("answer", {"status": 402, "shape": "error_status"}, PATIENT, GiveUp, "coinpaprika answered 402 Payment Required:"),
    ("answer", {"status": 404, "body": "[]"}, PATIENT, GiveUp, "coinpaprika answered 404 Not Found"),
    ("answer", {"status": 429}, PATIENT, RateLimited, "Rate limit exceeded"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "options", "timeout", "error", "sentence"),
    MISBEHAVIOURS,
    ids=[f"{kind}-{options.get('status') or options.get('location', '')}" for kind, options, *_ in MISBEHAVIOURS],
)
def test_each_misbehaviour_has_its_error(
    upstream: Upstream, kind: str, options: dict[str, Any], timeout: float, error: type[ProjectError], sentence: str
) -> None:
    upstream.behave(COINPAPRIKA, kind, **options)
    with pytest.raises(ProjectError) as raised:
        ask(upstream, timeout)
    assert type(raised.value) is error
    assert str(raised.value).startswith(sentence)
    assert upstream.url not in str(raised.value)


def test_after_each_kind_of_trouble_the_next_request_is_answered(upstream: Upstream) -> None:
    for kind in ("reset", "truncated_body", "broken_gzip", "html", "redirect"):
        upstream.behave(COINPAPRIKA, kind)
        with pytest.raises(ProjectError):
            ask(upstream)
        assert ask(upstream).value


def test_nobody_there_is_worth_a_retry() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Retry, match="coingecko could not be reached"):
        get_json("coingecko", f"http://127.0.0.1:{port}/", params={}, timeout=PATIENT)


def test_what_is_no_http_is_worth_a_retry() -> None:
    with answering(b"SSH-2.0-OpenSSH_9.2\r\n") as url, pytest.raises(Retry, match="coingecko could not be reached"):
        get_json("coingecko", url, params={}, timeout=PATIENT)


def test_a_server_without_tls_is_worth_a_retry() -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url, pytest.raises(Retry, match=r"securely \(TLS\)"):
        get_json("coingecko", url.replace("http:", "https:"), params={}, timeout=PATIENT)


def test_an_answer_without_length_ends_with_its_connection() -> None:
    with answering(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n[1]") as url:
        assert get_json("coingecko", url, params={}, timeout=PATIENT).body == b"[1]"


def test_a_redirect_on_the_same_server_is_followed(upstream: Upstream) -> None:
    upstream.behave("/moved", "redirect", location="/v1/tickers?quotes=USD")
    assert ask(upstream, path="/moved").value
    assert upstream.log[1].headers["Authorization"] == KEY


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "119"}, 119.0),
        ({"retry_after": "31536000"}, 31536000.0),
        ({"retry_after": "soon"}, None),
        ({}, None),
    ],
)
def test_a_rate_limit_tells_how_long(upstream: Upstream, headers: dict[str, Any], seconds: float | None) -> None:
    upstream.behave(COINPAPRIKA, status=429, **headers)
    with pytest.raises(RateLimited, match=r"^Rate limit exceeded$") as raised:
        ask(upstream)
    assert raised.value.retry_after == seconds


def test_a_rate_limit_may_name_a_date(upstream: Upstream) -> None:
    upstream.behave(COINPAPRIKA, "html", status=429, retry_at=3600)
    with pytest.raises(RateLimited, match=r"^Rate limit exceeded$") as raised:
        ask(upstream)
    assert raised.value.retry_after is not None
    assert 3000 < raised.value.retry_after <= 3600


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("119", 119.0),
        (" 1.5 ", 1.5),
        ("999999999999", 999999999999.0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:00:30 GMT", None),  # gone by
        ("0", None),
        ("-5", None),
        ("", None),
        ("9" * 400, None),
        ("١٢", None),
        ("1e9", None),
        ("inf", None),
        ("Thu, 99 Foo 1970", None),
        ("Mon, 01 Jan 99999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(header: str, seconds: float | None) -> None:
    assert retry_after(header, now=100.0) == seconds


@settings(deadline=None)
@given(
    st.text(max_size=60)
    | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Za-z]{3} [0-9]{1,6} [0-9:]{0,9} ?[-+0-9A-Z]{0,6}")
)
def test_any_retry_after_is_above_zero_or_nothing(header: str) -> None:
    seconds = retry_after(header, now=100.0)
    assert seconds is None or seconds > 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": "id not found"}', "id not found"),
        (b'{"status": {"error_code": 1020, "error_message": "Access denied"}}', "Access denied"),
        (b'{"error": {"status": {"error_code": 10005, "error_message": "Pro only"}}}', "Pro only"),
        (b'{"error": "a\\n\\u001b[31mb\\u0000  c"}', "a [31mb c"),
        (b'{"error": "key a-secret-key-17 is unknown"}', "key [key] is unknown"),
        (b'{"error": "' + b"x" * 5000 + b'"}', "x" * 200),
        (b'{"error": 5}', ""),
        (b'{"error": ' * 400 + b'"deep"' + b"}" * 400, ""),
        (b'["error"]', ""),
        (b"<html>", ""),
    ],
    ids=lambda value: value[:30],
)
def test_the_providers_own_message_is_cleaned(body: bytes, message: str) -> None:
    assert said(body, [KEY, ""]) == message


def test_more_than_the_limit_is_not_read(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST_BODY", 2**20)
    upstream.behave(COINPAPRIKA, body=f'["{"x" * 2**20}"]')
    with pytest.raises(GiveUp, match="coinpaprika answered with more than 1 MiB"):
        ask(upstream)


def test_a_small_body_that_unpacks_to_too_much_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST_BODY", 2**20)
    bomb = gzip.compress(b" " * 2**24)
    head = b"HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    with answering(head + bomb) as url, pytest.raises(GiveUp, match="more than 1 MiB"):
        get_json("coingecko", url, params={}, timeout=PATIENT)


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel-\u20ac", " led by a blank"])
def test_a_key_that_no_header_can_carry_is_not_told(upstream: Upstream, key: str) -> None:
    with pytest.raises(GiveUp, match="its configured URL or key isn't usable") as raised:
        get_json("coingecko", upstream.url, params={}, timeout=PATIENT, secrets={"Authorization": key})
    assert key not in str(raised.value)


def test_requests_of_a_thread_share_a_connection_and_threads_do_not(upstream: Upstream) -> None:
    for _ in range(3):
        ask(upstream)
    assert len({seen.connection for seen in upstream.log}) == 1
    thread = threading.Thread(target=ask, args=(upstream,))
    thread.start()
    thread.join()
    assert len({seen.connection for seen in upstream.log}) == 2


def test_a_cookie_is_not_sent_back(upstream: Upstream) -> None:
    upstream.behave(COINPAPRIKA, headers={"Set-Cookie": "__cf_bm=tracked; Path=/"})
    ask(upstream)
    ask(upstream)
    assert "Cookie" not in upstream.log[1].headers


def test_a_password_of_the_machine_does_not_replace_the_key(
    upstream: Upstream, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login someone password else\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    ask(upstream)
    assert upstream.log[0].headers["Authorization"] == KEY


def test_a_server_on_this_machine_is_not_asked_through_a_proxy(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert ask(upstream).value


def test_neither_url_nor_key_reaches_a_log(upstream: Upstream, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/v1/tickers"
    for kind in ("answer", "reset", "redirect", "truncated_body", "nobody"):
        if kind != "nobody":
            upstream.behave(COINPAPRIKA, kind)
        try:
            url = nobody if kind == "nobody" else f"{upstream.url}/v1/tickers"
            get_json("coinpaprika", url, params={"quotes": "USD"}, timeout=PATIENT, secrets={"Authorization": KEY})
        except ProjectError:
            logging.getLogger("a worker").exception("a failed request")
    assert KEY not in caplog.text
    assert "/tickers" not in caplog.text


class answering:  # noqa: N801 - reads as a verb
    """A server for one connection that says the same to whatever comes."""

    def __init__(self, reply: bytes) -> None:
        self._reply = reply
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(self._reply)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                return  # the client has seen enough

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()
