"""Rows that were not stored: all of them, as JSON and as CSV, whatever stands in them."""

from __future__ import annotations

import csv
import io

import pytest

from tests.contract import ContractClient, exact
from tests.factories import Factory

JOBS = "/api/v1/jobs"


@pytest.fixture
def job(factory: Factory) -> int:
    """A job of two tasks with three rows rejected."""
    job = factory.job("csv", "succeeded")
    first, second = (factory.task(job, "csv", "normalize", rows=4, rejected=2 - n) for n in range(2))
    factory.rejection(second, 9, "price is missing", "=1+1,x")
    factory.rejection(first, 3, "price is not a number: 'abc'", 'BTC,"a, b",abc')
    factory.rejection(first, 2, "price is not a number: '?'", "-5\nÜ")
    other = factory.task(factory.job("csv", "succeeded"), "csv", "normalize", rows=1, rejected=1)
    factory.rejection(other, 1, "price is missing")
    return job


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_a_job_counts_its_rejected_rows_by_reason_and_says_where_they_are(client: ContractClient, job: int) -> None:
    shown = exact(client.get(f"{JOBS}/{job}"))
    assert shown["rejected_by_reason"] == {"price is not a number": 2, "price is missing": 1}
    assert shown["links"]["rejects"] == f"{JOBS}/{job}/rejects"


def test_rejected_rows_come_page_by_page_in_the_order_of_the_file(client: ContractClient, job: int) -> None:
    page = exact(client.get(f"{JOBS}/{job}/rejects?page_size=2"))
    assert (page["total"], page["total_pages"], [row["row"] for row in page["data"]]) == (3, 2, [2, 3])
    assert page["data"][1] == {
        "source": "csv",
        "row": 3,
        "reason": "price is not a number: 'abc'",
        "raw": 'BTC,"a, b",abc',
    }
    assert [row["row"] for row in exact(client.get(f"{JOBS}/{job}/rejects?page_size=2&page=2"))["data"]] == [9]


def test_as_csv_they_come_all_at_once_and_no_cell_is_a_formula(client: ContractClient, job: int) -> None:
    answer = client.get(f"{JOBS}/{job}/rejects?format=csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="job-{job}-rejects.csv"'
    assert rows_of(answer.text) == [
        ["source", "row", "reason", "raw"],
        ["csv", "2", "price is not a number: '?'", "'-5\nÜ"],
        ["csv", "3", "price is not a number: 'abc'", 'BTC,"a, b",abc'],
        ["csv", "9", "price is missing", "'=1+1,x"],
    ]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/csv, application/json;q=0.5", "text/csv; charset=utf-8"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/html", "application/json"),
    ],
)
def test_the_accept_header_chooses_where_the_query_does_not(
    client: ContractClient, job: int, accept: str, content_type: str
) -> None:
    assert client.get(f"{JOBS}/{job}/rejects", headers={"Accept": accept}).content_type == content_type
    asked = client.get(f"{JOBS}/{job}/rejects?format=json", headers={"Accept": accept})
    assert asked.content_type == "application/json"


def test_many_rows_come_whole_and_in_order(client: ContractClient, factory: Factory) -> None:
    task = factory.task(factory.job("csv", "succeeded"), "csv", "normalize", rows=2500, rejected=2500)
    factory.connection.execute(
        "INSERT INTO rejections (task_id, row, reason, raw)"
        " SELECT %s, n, 'price is missing', n::text FROM generate_series(1, 2500) AS n ORDER BY random()",
        [task],
    )
    job = factory.value("SELECT max(id) FROM jobs")
    found = rows_of(client.get(f"{JOBS}/{job}/rejects?format=csv").text)[1:]
    assert [row[3] for row in found] == [str(n) for n in range(1, 2501)]


def test_a_job_that_is_not_there_has_no_rejects(client: ContractClient) -> None:
    assert client.get(f"{JOBS}/77/rejects").status_code == 404
    assert client.get(f"{JOBS}/77/rejects?format=csv").status_code == 404
    assert client.get(f"{JOBS}/77/rejects?format=xml").status_code == 422
