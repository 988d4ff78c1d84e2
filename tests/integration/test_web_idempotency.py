"""Idempotency-Key on every POST: a repeat gives the same job and changes nothing; another request is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract import ContractClient, exact
from tests.factories import Factory

MakeClient = Callable[..., ContractClient]
KEY = {"Idempotency-Key": "k"}


def a_failed_job(factory: Factory) -> None:
    """Job 1 with task 1."""
    factory.task(factory.job("coingecko", "failed"), "coingecko", state="failed", errors=[])


POSTS = [
    "/api/v1/ingest/csv",
    "/api/v1/ingest/coingecko?limit=5",
    "/api/v1/ingest/all",
    "/api/v1/jobs/1/retry",
    "/api/v1/jobs/1/cancel",
    "/api/v1/dead-letters/1/retry",
    "/api/v1/dead-letters/retry?source=coingecko",
]


def without_times(answer: Any) -> Any:
    return {name: value for name, value in exact(answer).items() if name != "timeline"}


@pytest.mark.parametrize("path", POSTS)
def test_a_repeat_gives_the_same_answer_and_makes_nothing(client: ContractClient, factory: Factory, path: str) -> None:
    a_failed_job(factory)
    first = client.post(path, headers=KEY)
    made = factory.value("SELECT count(*) FROM jobs")
    second = client.post(path, headers=KEY)
    assert (second.status_code, second.headers.get("Location")) == (first.status_code, first.headers.get("Location"))
    assert without_times(second) == without_times(first)
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
    assert factory.value("SELECT count(*) FROM jobs") == made


@pytest.mark.parametrize("path", POSTS)
def test_many_at_once_with_one_key_make_one_job(make_client: MakeClient, factory: Factory, path: str) -> None:
    a_failed_job(factory)
    clients = [make_client() for _ in range(4)]
    answers: list[tuple[int, int, bool]] = []

    def post(client: ContractClient) -> None:
        answer = client.post(path, headers=KEY)
        answers.append((answer.status_code, exact(answer)["id"], "Idempotent-Replayed" in answer.headers))

    threads = [threading.Thread(target=post, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len({(status, job) for status, job, _ in answers}) == 1
    assert sorted(replayed for *_, replayed in answers) == [False, True, True, True]
    assert factory.value("SELECT count(*) FROM jobs") == (1 if "cancel" in path else 2)


@pytest.mark.parametrize("path", POSTS)
def test_the_same_key_with_another_request_is_422(client: ContractClient, factory: Factory, path: str) -> None:
    a_failed_job(factory)
    client.post("/api/v1/ingest/coinpaprika?limit=7", headers=KEY)
    answer = client.post(path, headers=KEY)
    assert answer.status_code == 422
    assert "Idempotency-Key" in exact(answer)["detail"]


@pytest.mark.parametrize("path", ["/api/v1/jobs/9/retry", "/api/v1/jobs/9/cancel", "/api/v1/dead-letters/9/retry"])
def test_a_refused_request_leaves_its_key_free(client: ContractClient, factory: Factory, path: str) -> None:
    assert client.post(path, headers=KEY).status_code == 404
    assert factory.value("SELECT count(*) FROM idempotency_keys") == 0
    assert client.post("/api/v1/ingest/csv", headers=KEY).status_code == 202


@pytest.mark.parametrize("path", POSTS)
def test_a_key_that_is_none_is_refused_by_every_post(client: ContractClient, factory: Factory, path: str) -> None:
    a_failed_job(factory)
    assert client.post(path, headers={"Idempotency-Key": "x" * 256}).status_code == 422


def test_every_post_of_the_api_is_among_these(client: ContractClient) -> None:
    document = exact(client.get("/openapi.json"))
    taking = {
        path
        for path, methods in document["paths"].items()
        if "Idempotency-Key" in {each.get("name") for each in methods.get("post", {}).get("parameters", [])}
    }
    assert taking == {path for path, methods in document["paths"].items() if "post" in methods}
