"""Errors as pages for browsers, while Postgres is away or a page fails."""

from __future__ import annotations

import json

import pytest

from tests.unit.web_requests import plain

PERSON = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


def test_while_postgres_is_away_a_page_says_so_and_when_to_try_again() -> None:
    answer = plain().get("/?search=a%26b", headers=PERSON)
    assert (answer.status_code, answer.content_type) == (503, "text/html; charset=utf-8")
    assert "Away for a moment" in answer.text
    assert answer.headers["Retry-After"] == "5"
    assert 'href="/?search=a%26b">Try again' in answer.text
    assert answer.headers["X-Request-ID"] in answer.text


def test_a_program_that_asks_for_a_page_gets_the_problem() -> None:
    answer = plain().get("/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert json.loads(answer.text)["status"] == 503


def test_a_page_that_fails_tells_nothing_of_the_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    client = plain()

    def fail() -> str:
        raise RuntimeError("the inside")

    monkeypatch.setitem(client.application.view_functions, "pages.market", fail)
    answer = client.get("/", headers=PERSON)
    assert (answer.status_code, answer.content_type) == (500, "text/html; charset=utf-8")
    assert "That failed" in answer.text
    assert "the inside" not in answer.text


def test_an_error_page_that_fails_itself_leaves_the_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    client = plain()

    def fail(*_: object, **__: object) -> str:
        raise RuntimeError("the template is broken")

    monkeypatch.setattr("web.pages.errors.render_template", fail)
    answer = client.get("/nowhere", headers=PERSON)
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
