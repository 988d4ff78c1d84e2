"""Errors are problems, whoever raised them, and tell nothing of the inside."""

from __future__ import annotations

import pytest

from core.errors import GiveUp, ProjectError, Unavailable
from db.jobs import KeyReused, NoSuchJob, NotRetryable
from tests.contract import exact
from tests.unit.web_requests import client, plain
from web.problems import field_errors


def _ask(error: Exception) -> tuple[int, str, dict[str, str]]:
    made = plain()

    def view() -> str:
        raise error

    made.application.add_url_rule("/raise", view_func=view)
    answer = made.get("/raise")
    assert answer.content_type == "application/problem+json"
    return answer.status_code, exact(answer)["detail"], dict(answer.headers)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoSuchJob("no"), 404),
        (NotRetryable("no"), 409),
        (KeyReused("no"), 422),
        (GiveUp("no"), 422),
        (Unavailable("no"), 503),
    ],
)
def test_what_the_domain_raises_has_its_status_and_sentence(error: Exception, status: int) -> None:
    assert _ask(error)[:2] == (status, "No.")


def test_who_is_told_to_come_back_is_told_when() -> None:
    assert int(_ask(Unavailable("away"))[2]["Retry-After"]) > 0


@pytest.mark.parametrize("error", [ZeroDivisionError("secret"), ProjectError("secret"), KeyError("secret")])
def test_a_fault_of_ours_tells_nothing_of_the_inside(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    status, detail, headers = _ask(error)
    assert status == 500
    assert "secret" not in detail
    assert "secret" in caplog.text
    assert headers["X-Request-ID"]


def test_an_unknown_address_is_404_and_another_method_405_with_those_allowed() -> None:
    assert client().get("/nowhere").status_code == 404
    answer = client().put("/api/v1/data")
    assert answer.status_code == 405
    assert {"GET", "DELETE"} <= set(answer.headers["Allow"].split(", "))


def test_a_request_keeps_the_id_that_it_came_with() -> None:
    answer = client().get("/nowhere", headers={"X-Request-ID": "abc-123"})
    assert answer.headers["X-Request-ID"] == exact(answer)["request_id"] == "abc-123"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "ü"])
def test_an_id_that_is_unfit_for_a_log_is_replaced(sent: str) -> None:
    answer = client().get("/nowhere", headers={"X-Request-ID": sent})
    assert answer.headers["X-Request-ID"] not in (sent, "")


def test_a_request_is_logged_once_with_its_id_and_without_its_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    plain().get("/nowhere?key=secret")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "web.tracing"]
    assert line.startswith("GET '/nowhere' 404")


def test_a_path_with_a_line_break_stays_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    plain().get("/no%0Awhere")
    assert all("\n" not in record.getMessage() for record in caplog.records if record.name == "web.tracing")


def test_field_errors_are_flattened() -> None:
    said = {"query": {"limit": ["Too small.", "Odd."], "page": {0: ["No."]}}, "headers": {"Prefer": ["Bad."]}}
    assert field_errors(said) == [
        {"in": "query", "name": "limit", "detail": "Too small. Odd."},
        {"in": "query", "name": "page", "detail": "No."},
        {"in": "header", "name": "Prefer", "detail": "Bad."},
    ]


def test_every_answer_carries_the_security_headers() -> None:
    for path in ("/livez", "/nowhere", "/docs", "/openapi.json"):
        headers = client().get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_other_origins_get_nothing_until_they_are_configured() -> None:
    asked = {"Origin": "https://app.example"}
    assert "Access-Control-Allow-Origin" not in client().get("/livez", headers=asked).headers
    allowed = client(CORS_ORIGINS="https://app.example")
    assert allowed.get("/livez", headers=asked).headers["Access-Control-Allow-Origin"] == "https://app.example"
    other = allowed.get("/livez", headers={"Origin": "https://evil.example"}).headers
    assert "Access-Control-Allow-Origin" not in other
    assert other["Vary"] == "Origin"


def test_a_configured_origin_is_told_beforehand_what_it_may_send() -> None:
    answer = plain(CORS_ORIGINS="https://app.example").options(
        "/api/v1/ingest/csv",
        headers={"Origin": "https://app.example", "Access-Control-Request-Method": "POST"},
    )
    assert answer.status_code == 200
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]
