"""Limits in front of everything, by key and by address; they are told in every answer."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.contract import ContractClient
from tests.integration.conftest import MakeClient

KEYS = "boss:admin:secret-of-boss,eye:read:secret-of-eye"


@pytest.fixture
def make_client(make_client: MakeClient) -> MakeClient:
    """Clients that have looked at the document before they count."""
    document = make_client().get("/openapi.json").get_json()

    def make(**environ: str) -> ContractClient:
        client = make_client(**environ)
        client.application.extensions["contract"] = document
        return client

    return make


def _passed(client: FlaskClient, path: str, tries: int, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return sum(client.get(path, headers=named).status_code != 429 for _ in range(tries))


@pytest.mark.parametrize("path", ["/api/v1/stats", "/api/v1/jobs", "/api/v1/nothing"])
def test_reads_beyond_the_limit_are_refused_also_those_with_a_kept_answer(make_client: MakeClient, path: str) -> None:
    client = FlaskClient(make_client(RATE_LIMIT_PER_MINUTE="10").application)
    first = client.get(path)
    assert first.headers["RateLimit-Policy"] == '"reads";q=10;w=60'
    assert first.headers["RateLimit"].startswith('"reads";r=9;t=')
    # A minute may turn meanwhile, and give ten more.
    assert 9 <= _passed(client, path, 50) <= 20
    for _ in range(12):
        refused = client.get(path)
    assert refused.status_code == 429
    assert refused.get_json()["title"] == "Too Many Requests"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert client.get("/livez").status_code == 200
    assert "RateLimit" not in client.get("/readyz").headers


def test_writes_have_a_limit_of_their_own(make_client: MakeClient) -> None:
    client = make_client(RATE_LIMIT_WRITES_PER_MINUTE="3")
    answers = [client.post("/api/v1/ingest/csv") for _ in range(12)]
    assert 3 <= sum(answer.status_code == 202 for answer in answers) <= 6
    assert answers[0].headers["RateLimit-Policy"] == '"writes";q=3;w=60'
    assert client.get("/api/v1/stats").status_code == 200


def test_each_key_has_its_own_and_so_has_who_sends_none(make_client: MakeClient) -> None:
    client = make_client(API_KEYS=KEYS, RATE_LIMIT_PER_MINUTE="10")
    assert _passed(client, "/api/v1/stats", 40, X_API_Key="secret-of-eye") <= 20
    assert _passed(client, "/api/v1/stats", 10, X_API_Key="secret-of-boss") == 10
    assert _passed(client, "/api/v1/stats", 10) == 10


def test_guessing_keys_counts_by_address(make_client: MakeClient) -> None:
    client = make_client(API_KEYS=KEYS, RATE_LIMIT_PER_MINUTE="10")
    statuses = [client.get("/api/v1/stats", headers={"X-API-Key": f"guess-{each}"}).status_code for each in range(40)]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 20


def test_addresses_behind_a_trusted_proxy_are_told_apart_and_claims_of_others_are_not_believed(
    make_client: MakeClient,
) -> None:
    for trusted, most in (("1", 40), ("", 20)):
        client = make_client(RATE_LIMIT_PER_MINUTE="10", TRUSTED_PROXIES=trusted)
        passed = sum(
            _passed(client, "/api/v1/stats", 10, X_Forwarded_For=f"10.0.0.{each}, 192.0.2.{each}") for each in range(4)
        )
        assert passed == 40 if trusted else passed <= most


def test_processes_share_a_limit_through_redis_and_go_on_without_it(make_client: MakeClient) -> None:
    one, other = (make_client(RATE_LIMIT_PER_MINUTE="20") for _ in range(2))
    assert _passed(one, "/api/v1/stats", 20) + _passed(other, "/api/v1/stats", 60) <= 40
    away = make_client(RATE_LIMIT_PER_MINUTE="20", REDIS_URL="redis://127.0.0.1:1", WEB_CONCURRENCY="2")
    assert 9 <= _passed(away, "/api/v1/stats", 60) <= 21


def test_no_limit_is_told_where_there_is_none(make_client: MakeClient) -> None:
    client = make_client()
    assert "RateLimit" not in client.get("/api/v1/stats").headers
    assert _passed(client, "/api/v1/stats", 100) == 100


def test_every_answer_carries_the_security_headers_and_by_https_that_it_stays_so(make_client: MakeClient) -> None:
    client = FlaskClient(make_client(TRUSTED_PROXIES="1", RATE_LIMIT_PER_MINUTE="30").application)
    for path in ("/api/v1/stats", "/api/v1/stats", "/signin", "/nothing", "/openapi.json"):
        answer = client.get(path, headers={"X-Forwarded-Proto": "https"})
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Content-Security-Policy" in answer.headers
        assert "Strict-Transport-Security" not in client.get(path).headers
