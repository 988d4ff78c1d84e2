"""Jobs through the API: lists, one in full, cancel and retry."""

from __future__ import annotations

import pytest

from tests.contract import ContractClient, exact
from tests.factories import NOON, Factory

JOBS = "/api/v1/jobs"
LIMITED = {"at": "2026-03-01T12:00:01+00:00", "attempt": 1, "detail": "Rate limit exceeded", "followed": "failed"}


def _all_with_a_failure(factory: Factory) -> int:
    """A job of two sources: csv stored 2 of 4 rows, coingecko failed."""
    job = factory.job("all", "partial_success", stored=2)
    btc, eth = factory.coin("btc", name="Bitcoin"), factory.coin("eth", name="Ethereum")
    factory.task(job, "csv")
    normalize = factory.task(
        job, "csv", "normalize", rows=4, rejected=1, coins=[eth, btc], notes='{"columns": {"price": "Last"}}'
    )
    factory.rejection(normalize, 3, "price is no number", "BTC,?")
    factory.task(job, "coingecko", state="failed", errors=[LIMITED])
    return job


def test_a_job_shows_each_source_and_its_counts_add_up(client: ContractClient, factory: Factory) -> None:
    job = exact(client.get(f"{JOBS}/{_all_with_a_failure(factory)}"))
    assert job["state"] == "partial_success"
    assert job["progress"] == {"done": 3, "total": 3}
    assert job["sources"]["csv"] == {
        "status": "success",
        "count": 4,
        "stored": 2,
        "rejected": 1,
        "duplicates": 1,
        "notes": {"columns": {"price": "Last"}},
    }
    assert job["sources"]["coingecko"]["status"] == "error"
    assert job["sources"]["coingecko"]["message"] == "Rate limit exceeded"
    assert (job["total_fetched"], job["total_stored"], job["duplicates_removed"], job["rejected"]) == (4, 2, 1, 1)
    assert job["rejections"] == [{"source": "csv", "row": 3, "reason": "price is no number", "raw": "BTC,?"}]


def test_a_failed_job_is_a_200_with_its_error_inside(client: ContractClient, factory: Factory) -> None:
    job_id = factory.job("coingecko", "failed")
    tries = [{**LIMITED, "followed": "retry"}, {**LIMITED, "attempt": 2, "at": "2026-03-01T12:00:09+00:00"}]
    factory.task(job_id, "coingecko", state="failed", errors=tries, fence=2)
    answer = client.get(f"{JOBS}/{job_id}")
    job = exact(answer)
    assert answer.status_code == 200
    assert "Retry-After" not in answer.headers
    assert (job["error"]["detail"], job["error"]["attempt"], job["attempts"]) == ("Rate limit exceeded", 2, 2)
    assert [error["followed"] for error in job["errors"]] == ["failed", "retry"]
    assert job["links"]["retry"] == f"{JOBS}/{job_id}/retry"


def test_a_running_job_says_when_to_ask_again_and_how_to_stop_it(client: ContractClient, factory: Factory) -> None:
    job_id = factory.job("csv", "running")
    factory.task(job_id, state="running")
    factory.task(job_id, kind="normalize", state="queued")
    answer = client.get(f"{JOBS}/{job_id}")
    job = exact(answer)
    assert answer.headers["Retry-After"] == "1"
    assert job["sources"]["csv"]["status"] == "running"
    assert (job["total_stored"], job["duplicates_removed"], job["finished_at"]) == (None, None, None)
    assert job["links"]["cancel"] == f"{JOBS}/{job_id}/cancel"


def test_a_timeline_tells_in_order_what_happened(client: ContractClient, factory: Factory) -> None:
    job = exact(client.get(f"{JOBS}/{_all_with_a_failure(factory)}"))
    assert [event["at"] for event in job["timeline"]] == sorted(event["at"] for event in job["timeline"])
    events = [event["event"] for event in job["timeline"]]
    assert events[0] == "created"
    assert {"fetch started", "fetch ended", "normalize ended", "fetch attempt failed", "partial_success"} <= set(events)


def test_of_many_rejections_and_errors_a_job_shows_the_first_and_the_last(
    client: ContractClient, factory: Factory
) -> None:
    job_id = factory.job("csv", "failed")
    errors = [
        {**LIMITED, "attempt": number, "at": f"2026-03-01T12:{number // 60:02}:{number % 60:02}+00:00"}
        for number in range(150)
    ]
    task = factory.task(job_id, state="failed", errors=errors)
    for row in range(30):
        factory.rejection(task, row + 2, "no")
    job = exact(client.get(f"{JOBS}/{job_id}"))
    assert [rejection["row"] for rejection in job["rejections"]] == list(range(2, 22))
    assert [error["attempt"] for error in job["errors"]] == list(range(149, 49, -1))


def test_jobs_are_listed_the_newest_first_and_filtered(client: ContractClient, factory: Factory) -> None:
    first, second, third = factory.job("csv"), factory.job("all", "running"), factory.job("csv", "failed")
    factory.task(second, "csv", state="queued")
    page = exact(client.get(f"{JOBS}?page_size=2"))
    assert [job["id"] for job in page.pop("data")] == [third, second]
    assert page == {"page": 1, "page_size": 2, "total": 3, "total_pages": 2}
    assert [job["id"] for job in exact(client.get(f"{JOBS}?kind=csv"))["data"]] == [third, first]
    assert [job["id"] for job in exact(client.get(f"{JOBS}?state=running"))["data"]] == [second]
    assert exact(client.get(f"{JOBS}?page=9"))["data"] == []


@pytest.mark.parametrize("query", ["state=done", "page_size=501", "kind=", "limit=5"])
def test_a_list_of_jobs_refuses_what_it_does_not_know(client: ContractClient, query: str) -> None:
    assert client.get(f"{JOBS}?{query}").status_code == 422


@pytest.mark.parametrize("job_id", ["99", "0", "-1", "abc", "9" * 30, "9" * 18, "1e3", "%00"])
@pytest.mark.parametrize("rest", ["", "/cancel", "/retry"])
def test_a_job_that_is_not_there_is_404(client: ContractClient, job_id: str, rest: str) -> None:
    ask = client.post if rest else client.get
    assert ask(f"{JOBS}/{job_id}{rest}").status_code == 404


def test_a_cancelled_job_ends_at_once_where_nothing_runs_and_can_be_retried(
    client: ContractClient, factory: Factory
) -> None:
    job_id = factory.job("csv", "queued")
    factory.task(job_id, state="queued")
    cancelled = exact(client.post(f"{JOBS}/{job_id}/cancel"))
    assert (cancelled["state"], cancelled["sources"]["csv"]["status"]) == ("cancelled", "cancelled")
    assert exact(client.post(f"{JOBS}/{job_id}/cancel")) == cancelled
    answer = client.post(f"{JOBS}/{job_id}/retry")
    retried = exact(answer)
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"{JOBS}/{retried['id']}"
    assert (retried["retry_of"], retried["state"]) == (job_id, "queued")


def test_a_job_that_has_ended_stays_as_it_is_when_cancelled(client: ContractClient, factory: Factory) -> None:
    job_id = factory.job("csv", "succeeded")
    factory.task(job_id)
    assert exact(client.post(f"{JOBS}/{job_id}/cancel"))["state"] == "succeeded"


def test_retrying_runs_the_failed_source_alone_and_rings_for_it(client: ContractClient, factory: Factory) -> None:
    retried = exact(client.post(f"{JOBS}/{_all_with_a_failure(factory)}/retry"))
    assert list(retried["sources"]) == ["coingecko"]


@pytest.mark.parametrize("state", ["succeeded", "running"])
def test_where_nothing_failed_a_retry_is_409(client: ContractClient, factory: Factory, state: str) -> None:
    job_id = factory.job("csv", state)
    factory.task(job_id, state=state)
    assert client.post(f"{JOBS}/{job_id}/retry").status_code == 409


def test_a_body_is_refused_where_none_belongs(client: ContractClient, factory: Factory) -> None:
    job_id = factory.job("csv", "queued")
    factory.task(job_id, state="queued")
    for action in ("cancel", "retry"):
        assert client.post(f"{JOBS}/{job_id}/{action}", data=b"x", content_type="text/plain").status_code == 415


def test_the_coins_of_a_result_come_in_the_order_of_the_file(client: ContractClient, factory: Factory) -> None:
    keys = [factory.coin(f"c{number}", name=f"Coin {number}!") for number in range(4)]
    client.post("/api/v1/ingest/csv", headers={"Idempotency-Key": "k"})
    job_id = factory.value("SELECT id FROM jobs")
    factory.task(job_id, kind="normalize", rows=3, coins=[keys[2], keys[0]])
    factory.task(job_id, kind="normalize", rows=3, coins=[keys[0], keys[3], 999_999])
    factory.connection.execute("UPDATE jobs SET state = 'succeeded', stored = 3, finished_at = %s", [NOON])
    answer = client.post("/api/v1/ingest/csv", headers={"Idempotency-Key": "k", "Prefer": "wait=5"})
    assert exact(answer)["coins_fetched"] == ["coin-2", "coin-0", "coin-3"]


def test_a_nameless_coin_of_a_result_goes_by_its_symbol(client: ContractClient, factory: Factory) -> None:
    client.post("/api/v1/ingest/csv", headers={"Idempotency-Key": "k"})
    key = factory.coin("xyz", name="", symbol="XYZ")
    factory.task(factory.value("SELECT id FROM jobs"), kind="normalize", rows=1, coins=[key])
    factory.connection.execute("UPDATE jobs SET state = 'succeeded', stored = 1, finished_at = %s", [NOON])
    answer = client.post("/api/v1/ingest/csv", headers={"Idempotency-Key": "k", "Prefer": "wait=5"})
    assert exact(answer)["coins_fetched"] == ["xyz"]


def test_a_list_knows_the_coins_of_jobs_with_one_source(client: ContractClient, factory: Factory) -> None:
    job_id = factory.job("csv", stored=2)
    factory.task(job_id, kind="normalize", rows=5, rejected=1)
    (job,) = exact(client.get(JOBS))["data"]
    assert (job["sources"]["csv"]["stored"], job["sources"]["csv"]["duplicates"]) == (2, 2)
