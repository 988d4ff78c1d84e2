"""The pages of jobs without a browser: what stands on them, what their forms do, and what they make of bad input."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.factories import Factory
from tests.integration.conftest import MakeClient

PERSON = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
KEYS = "reader:read:reading-only,loader:ingest:loading-it"


class Visitor:
    """A browser without scripts: it asks for pages and sends their forms, hidden fields and all."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client

    def get(self, address: str) -> TestResponse:
        return self._client.get(address, headers=PERSON)

    def send(self, address: str, page: TestResponse, **fields: str) -> TestResponse:
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="(\w*)"', page.text))
        return self._client.post(address, data={**hidden, **fields}, headers=PERSON)


@pytest.fixture
def visit(make_client: MakeClient) -> Visitor:
    """On a server that is open to this machine."""
    return Visitor(FlaskClient(make_client().application))


def number_of(answer: TestResponse) -> int:
    """The job that a form led to."""
    assert answer.status_code == 303, answer.text
    return int(answer.headers["Location"].rpartition("/")[2])


def a_failed_job(factory: Factory) -> int:
    """csv stored a coin of 3 rows, coingecko failed at its second try."""
    job = factory.job("all", "partial_success", stored=1, requested_by="ci")
    btc = factory.coin("btc")
    factory.task(job, "csv")
    notes = '{"columns": {"price": "Last"}, "ignored": ["Fee"], "delimiter": ";", "encoding": "utf-8"}'
    merged = factory.task(job, "csv", "normalize", rows=3, rejected=1, coins=[btc], notes=notes)
    factory.rejection(merged, 17, "price is not a number: '<b>'", "<script>alert(1)</script>")
    tries = [
        {"at": "2026-03-01T12:00:01+00:00", "attempt": 1, "detail": "no answer in time", "followed": "retry"},
        {"at": "2026-03-01T12:00:05+00:00", "attempt": 2, "detail": "404 <i>gone</i>", "followed": "failed"},
    ]
    factory.task(job, "coingecko", state="failed", fence=2, errors=tries, params='{"limit": 250}')
    return job


def test_the_list_shows_each_job_with_its_sources_and_who_asked(visit: Visitor, factory: Factory) -> None:
    job = a_failed_job(factory)
    page = visit.get("/jobs")
    assert page.status_code == 200
    for shown in (f"/jobs/{job}", "partly succeeded", "all sources", "3 of 3 tasks", "3, 1 rejected", ">ci<"):
        assert shown in page.text


def test_filters_and_pages_stand_in_the_address(visit: Visitor, factory: Factory) -> None:
    failed = factory.job("csv", "failed")
    succeeded = [factory.job("coingecko") for _ in range(3)]
    filtered = visit.get("/jobs?state=failed").text
    assert f'id="job-{failed}"' in filtered
    assert f'id="job-{succeeded[0]}"' not in filtered
    assert 'id="job-' not in visit.get("/jobs?state=failed&kind=coingecko").text
    second = visit.get("/jobs?kind=coingecko&page_size=2&page=2").text
    assert re.findall(r'id="job-(\d+)"', second) == [str(succeeded[0])]
    assert "kind=coingecko&amp;page_size=2" in second


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("state=asleep", "State: Must be one of"),
        ("page=abc", "Page: Not a valid integer"),
        ("page=0", "Page: Must be greater"),
        ("page_size=100000", "Page size: Must be greater"),
    ],
)
def test_a_bad_question_is_answered_with_a_sentence_and_all_else_of_the_list(
    visit: Visitor, factory: Factory, query: str, said: str
) -> None:
    job = factory.job()
    page = visit.get(f"/jobs?{query}")
    assert page.status_code == 422
    assert said in page.text
    assert f'id="job-{job}"' in page.text


@pytest.mark.parametrize(
    "query", ["kind=<script>", "kind=%00", "page=99", "state=&kind=&utm=x", "state=failed&state=x"]
)
def test_odd_questions_do_no_harm(visit: Visitor, factory: Factory, query: str) -> None:
    factory.job()
    page = visit.get(f"/jobs?{query}")
    assert page.status_code == 200
    assert "<script>" not in page.text


def test_a_page_past_the_last_leads_back(visit: Visitor, factory: Factory) -> None:
    factory.job()
    page = visit.get("/jobs?page=7")
    assert "There is no page 7" in page.text
    assert "To the last page" in page.text


def test_rows_of_single_jobs_can_be_had_and_those_that_are_gone_are_left_out(visit: Visitor, factory: Factory) -> None:
    first, second, _ = (factory.job() for _ in range(3))
    rows = visit.get(f"/jobs/rows?id={first}&id={second}&id=999&id=x&id=99999999999999999999").text
    assert re.findall(r'id="job-(\d+)"', rows) == [str(second), str(first)]
    assert "<html" not in rows


def test_a_jobs_page_tells_what_happened_in_words(visit: Visitor, factory: Factory) -> None:
    page = visit.get(f"/jobs/{a_failed_job(factory)}").text
    for words in (
        "price from “Last”",
        "Columns not needed",
        "semicolon",
        "Asked for by ci",
        "tried again after a pause",
        "given up for good",
        "250 coins",
        "price is not a number",
        "Retry what failed",
        "curl",
    ):
        assert words in page


def test_what_came_from_outside_is_shown_as_text(visit: Visitor, factory: Factory) -> None:
    job = a_failed_job(factory)
    for address in (f"/jobs/{job}", f"/jobs/{job}/rejects"):
        page = visit.get(address).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "<i>gone" not in page


def test_rejected_rows_are_paged(visit: Visitor, factory: Factory) -> None:
    job = factory.job(stored=0)
    task = factory.task(job, kind="normalize", rows=25, rejected=25)
    for row in range(25):
        factory.rejection(task, row, "no price", f"row-{row}-end")
    page, second = visit.get(f"/jobs/{job}").text, visit.get(f"/jobs/{job}/rejects?page=2").text
    assert "row-19-end" in page
    assert "row-20-end" not in page
    assert "The first 20 of 25" in page
    assert f"/api/v1/jobs/{job}/rejects?format=csv" in page
    assert "row-20-end" in second
    assert visit.get(f"/jobs/{job}/rejects?page=abc").status_code == 422
    assert "There is no page 9" in visit.get(f"/jobs/{job}/rejects?page=9").text


def test_a_job_that_is_not_there_is_a_page_that_says_so(visit: Visitor) -> None:
    for address in ("/jobs/17", "/jobs/17/rejects", "/jobs/99999999999999999999", "/jobs/abc"):
        page = visit.get(address)
        assert page.status_code == 404
        assert page.content_type.startswith("text/html")


def test_a_form_starts_an_ingest_and_leads_to_its_job(visit: Visitor, factory: Factory) -> None:
    page = visit.get("/jobs")
    job = number_of(visit.send("/jobs", page, source="coingecko", coingecko_limit="7"))
    assert factory.value("SELECT params ->> 'limit' FROM tasks") == "7"
    assert "7 coins" in visit.get(f"/jobs/{job}").text


def test_the_same_form_sent_twice_makes_one_job_and_changed_another(visit: Visitor) -> None:
    page = visit.get("/jobs")
    first, again = (number_of(visit.send("/jobs", page, source="all", coingecko_limit="3")) for _ in range(2))
    other = number_of(visit.send("/jobs", page, source="all", coingecko_limit="4"))
    assert first == again
    assert other != first
    assert number_of(visit.send("/jobs", visit.get("/jobs"), source="all", coingecko_limit="3")) not in (first, other)


WRONG_FORMS: list[tuple[dict[str, str], str]] = [
    ({}, "Choose where"),
    ({"source": "elsewhere"}, "Choose where"),
    ({"source": "upload"}, "Choose where"),
    ({"source": "coingecko", "coingecko_limit": "many"}, "Coingecko limit: Not a valid integer"),
    ({"source": "coingecko", "coingecko_limit": "0"}, "Coingecko limit: Must be greater"),
]


def test_a_wrong_form_comes_back_with_what_is_wrong(visit: Visitor, factory: Factory) -> None:
    for fields, said in WRONG_FORMS:
        answer = visit.send("/jobs", visit.get("/jobs"), **fields)
        assert answer.status_code == 422
        assert said in answer.text
    assert factory.value("SELECT count(*) FROM jobs") == 0


def test_cancel_and_retry_work_without_a_script(visit: Visitor) -> None:
    job = number_of(visit.send("/jobs", visit.get("/jobs"), source="csv"))
    page = visit.get(f"/jobs/{job}")
    assert number_of(visit.send(f"/jobs/{job}/cancel", page)) == job
    ended = visit.get(f"/jobs/{job}")
    assert "Run the rest" in ended.text
    again = number_of(visit.send(f"/jobs/{job}/retry", ended))
    assert again == number_of(visit.send(f"/jobs/{job}/retry", ended))
    assert f"/jobs/{job}" in visit.get(f"/jobs/{again}").text
    assert f'Run again by <a href="/jobs/{again}">' in visit.get(f"/jobs/{job}").text
    assert visit.send(f"/jobs/{again}/retry", visit.get(f"/jobs/{again}")).status_code == 409
    assert visit.send("/jobs/999/cancel", page).status_code == 404


def test_who_may_only_read_is_told_which_key_it_takes(make_client: MakeClient, factory: Factory) -> None:
    visit = Visitor(FlaskClient(make_client(API_KEYS=KEYS).application))
    job = factory.job("csv", "running")
    factory.task(job, state="running")
    listed, shown = visit.get("/jobs").text, visit.get(f"/jobs/{job}").text
    assert "needs an API key with the role <code>ingest</code>" in listed
    assert "/signin?next=/jobs" in listed
    assert '<form method="post" action="/jobs' not in listed + shown
    assert visit.send("/jobs", visit.get("/jobs"), source="csv").status_code == 401
    assert visit.send(f"/jobs/{job}/cancel", visit.get("/jobs")).status_code == 401
    assert factory.value("SELECT count(*) FROM jobs") == 1


def test_who_is_signed_in_starts_jobs_in_their_name_and_only_from_our_pages(
    make_client: MakeClient, factory: Factory
) -> None:
    client = FlaskClient(make_client(API_KEYS=KEYS).application)
    client.post("/signin", data={"key": "loading-it", "next": "/jobs"})
    visit = Visitor(client)
    job = number_of(visit.send("/jobs", visit.get("/jobs"), source="csv"))
    assert factory.value("SELECT requested_by FROM jobs") == "loader"
    assert client.post("/jobs", data={"source": "csv"}, headers=PERSON).status_code == 403
    assert client.post(f"/jobs/{job}/cancel", headers=PERSON).status_code == 403
    assert factory.value("SELECT count(*) FROM jobs") == 1


def test_however_many_jobs_stand_on_a_page_it_takes_few_questions(
    visit: Visitor, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_failed_job(factory)
    for _ in range(19):
        factory.task(factory.job("csv", "failed"), state="failed")
    visit.get("/jobs")
    asked: list[object] = []
    execute = psycopg.Connection.execute

    def counted(connection: Any, query: Any, *more: Any, **named: Any) -> Any:
        asked.append(query)
        return execute(connection, query, *more, **named)

    monkeypatch.setattr(psycopg.Connection, "execute", counted)
    visit.get("/jobs")
    assert len(asked) <= 5
    asked.clear()
    visit.get(f"/jobs/{job}")
    assert len(asked) <= 10
