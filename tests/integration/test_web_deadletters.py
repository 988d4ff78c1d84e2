"""Failed tasks through the API: listed with their errors until they are run again, one by one or all of a source."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from redis import Redis

from db import deadletters
from tests.contract import ContractClient, exact
from tests.factories import Factory

MakeClient = Callable[..., ContractClient]
LETTERS = "/api/v1/dead-letters"
TRIED = {"at": "2026-03-01T12:00:01+00:00", "attempt": 1, "detail": "HTTP 500", "followed": "retry"}
FAILED = {"at": "2026-03-01T12:00:09+00:00", "attempt": 2, "detail": "Rate limit exceeded", "followed": "failed"}


def failed(factory: Factory, source: str = "coingecko", kind: str = "fetch", **values: object) -> int:
    """A failed task of a job of its own."""
    job = factory.job(source, "failed")
    return factory.task(job, source, kind, "failed", [TRIED, FAILED], fence=2, **values)


def listed(client: ContractClient, query: str = "") -> list[int]:
    return [letter["task_id"] for letter in exact(client.get(LETTERS + query))["data"]]


def test_what_failed_for_good_is_listed_with_its_errors_the_latest_first(
    client: ContractClient, factory: Factory
) -> None:
    first, second = failed(factory), failed(factory, "csv", "normalize", asides=1)
    factory.task(factory.job("csv"), "csv")
    page = exact(client.get(LETTERS))
    assert (page["page"], page["page_size"], page["total"], page["total_pages"]) == (1, 20, 2, 1)
    assert [letter["task_id"] for letter in page["data"]] == [second, first]
    newest, oldest = page["data"]
    assert (newest["source"], newest["task"], newest["attempts"]) == ("csv", "normalize", 1)
    assert (oldest["error"]["detail"], oldest["attempts"]) == ("Rate limit exceeded", 2)
    assert [error["detail"] for error in oldest["errors"]] == ["Rate limit exceeded", "HTTP 500"]
    assert exact(client.get(oldest["links"]["job"]))["id"] == oldest["job_id"]


def test_a_list_of_failed_tasks_has_pages_and_a_filter(client: ContractClient, factory: Factory) -> None:
    first, second, third = failed(factory), failed(factory, "csv"), failed(factory)
    assert listed(client, "?page_size=2") == [third, second]
    assert listed(client, "?page_size=2&page=2") == [first]
    assert listed(client, "?source=csv") == [second]
    assert client.get(f"{LETTERS}?source=nosuch").status_code == 422


def test_a_failed_task_is_run_again_from_where_it_stopped_and_is_no_longer_listed(
    client: ContractClient, factory: Factory, redis_url: str
) -> None:
    letter = failed(factory, cursor='{"page": 3}', params='{"limit": 900}')
    answer = client.post(f"{LETTERS}/{letter}/retry")
    job = exact(answer)
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/jobs/{job['id']}"
    assert (job["kind"], job["state"]) == ("coingecko", "queued")
    assert job["retry_of"] == factory.value("SELECT min(id) FROM jobs")
    assert factory.value("SELECT cursor FROM tasks WHERE state = 'queued'") == {"page": 3}
    assert factory.value("SELECT params FROM tasks WHERE state = 'queued'") == {"limit": 900}
    assert listed(client) == []
    with Redis.from_url(redis_url) as valkey:
        assert valkey.llen("dramatiq:fetch") == 1
    again = client.post(f"{LETTERS}/{letter}/retry")
    assert again.status_code == 409
    assert f"job {job['id']}" in exact(again)["detail"]


def test_two_who_run_a_task_again_at_once_make_one_job(make_client: MakeClient, factory: Factory) -> None:
    letter = failed(factory)
    clients = [make_client() for _ in range(4)]
    answers: list[int] = []

    def retry(client: ContractClient) -> None:
        answers.append(client.post(f"{LETTERS}/{letter}/retry").status_code)

    threads = [threading.Thread(target=retry, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == [202, 409, 409, 409]
    assert factory.value("SELECT count(*) FROM jobs") == 2


def test_all_failed_tasks_of_a_source_are_run_again_as_one_job(client: ContractClient, factory: Factory) -> None:
    failed(factory), failed(factory, kind="normalize")
    other = failed(factory, "csv")
    answer = client.post(f"{LETTERS}/retry?source=coingecko")
    job = exact(answer)
    assert answer.status_code == 202
    assert (job["kind"], job["progress"], job["retry_of"]) == ("coingecko", {"done": 0, "total": 2}, None)
    assert listed(client) == [other]
    assert client.post(f"{LETTERS}/retry?source=coingecko").status_code == 409


def test_of_very_many_the_oldest_are_run_again_first(
    client: ContractClient, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadletters, "MOST_AT_ONCE", 2)
    letters = [failed(factory) for _ in range(3)]
    assert exact(client.post(f"{LETTERS}/retry?source=coingecko"))["progress"]["total"] == 2
    assert listed(client) == letters[2:]


def test_a_task_that_its_jobs_retry_ran_again_is_no_longer_listed(client: ContractClient, factory: Factory) -> None:
    letter = failed(factory)
    job = factory.value("SELECT max(id) FROM jobs")
    retried = exact(client.post(f"/api/v1/jobs/{job}/retry"))["id"]
    assert listed(client) == []
    assert factory.value("SELECT retried_by FROM tasks WHERE state = 'failed'") == retried
    assert client.post(f"{LETTERS}/{letter}/retry").status_code == 409


@pytest.mark.parametrize("state", ["queued", "running", "succeeded", "cancelled"])
def test_only_what_failed_is_run_again(client: ContractClient, factory: Factory, state: str) -> None:
    letter = factory.task(factory.job("csv", "running"), "csv", state=state)
    assert client.post(f"{LETTERS}/{letter}/retry").status_code == 409
    assert client.post(f"{LETTERS}/{letter + 1}/retry").status_code == 404


@pytest.mark.parametrize("query", ["", "?source=", "?source=all", "?source=csv&source=csv", "?source=csv&page=1"])
def test_running_all_again_needs_a_source(client: ContractClient, query: str) -> None:
    assert client.post(f"{LETTERS}/retry{query}").status_code == 422


def test_running_again_needs_a_key_of_the_right_role_and_looking_needs_none(
    make_client: MakeClient, factory: Factory
) -> None:
    letter = failed(factory)
    client = make_client(API_KEYS="ci:ingest:secret-of-ci,eye:read:secret-of-eye")
    for path in (f"{LETTERS}/{letter}/retry", f"{LETTERS}/retry?source=coingecko"):
        assert client.post(path).status_code == 401
        assert client.post(path, headers={"X-API-Key": "secret-of-eye"}).status_code == 403
    assert listed(client) == [letter]
    answer = client.post(f"{LETTERS}/{letter}/retry", headers={"X-API-Key": "secret-of-ci"})
    assert exact(answer)["requested_by"] == "ci"
