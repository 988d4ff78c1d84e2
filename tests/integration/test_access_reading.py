"""Reading open or behind a key; kept answers, which Flask never sees, keep to it too."""

from __future__ import annotations

import psycopg
import pytest
from flask.testing import FlaskClient

from db.apikeys import KeyNameTaken, NoSuchKey, list_keys, make_key, revoke_key
from tests.contract import ContractClient
from tests.integration.conftest import MakeClient
from web.services import services

KEYS = "boss:admin:secret-of-boss,eye:read:secret-of-eye"
EYE = {"X-API-Key": "secret-of-eye"}
HTML = {"Accept": "text/html,application/xhtml+xml"}
CLOSED = {"API_KEYS": KEYS, "READ_ACCESS": "key"}
READS = ("/api/v1/data", "/api/v1/stats", "/api/v1/jobs", "/api/v1/coins/btc", "/api/v1/mappings")


@pytest.fixture
def closed(make_client: MakeClient) -> ContractClient:
    """A client of a server where reading needs a key; of the document as well, so another one tells it."""
    document = make_client().get("/openapi.json").get_json()
    client = make_client(**CLOSED)
    client.application.extensions["contract"] = document
    return client


@pytest.fixture
def browser(make_client: MakeClient) -> FlaskClient:
    return FlaskClient(make_client(**CLOSED).application)


def test_reading_is_open_by_default_and_a_wrong_key_is_refused_all_the_same(make_client: MakeClient) -> None:
    client = make_client(API_KEYS=KEYS)
    for _ in range(3):  # the first goes through its view, those after it around Flask
        assert client.get("/api/v1/stats").status_code == 200
        assert client.get("/api/v1/stats", headers={"X-API-Key": "wrong-secret"}).status_code == 401
        assert client.get("/api/v1/stats", headers={"Authorization": "Bearer wrong-secret"}).status_code == 401


@pytest.mark.parametrize("path", READS)
def test_behind_a_key_nothing_is_told_to_strangers_also_once_the_answer_is_kept(
    closed: ContractClient, path: str
) -> None:
    for _ in range(3):
        refused = closed.get(path)
        assert (refused.status_code, refused.content_type) == (401, "application/problem+json")
        assert "WWW-Authenticate" in refused.headers
        assert closed.get(path, headers=EYE).status_code in (200, 404)
        assert FlaskClient(closed.application).head(path).status_code == 401


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/metrics", "/api/v1/nothing", "/api/v1/events"])
def test_behind_a_key_so_is_everything_else_that_may_be_read(browser: FlaskClient, path: str) -> None:
    assert browser.get(path).status_code == 401


def test_probes_stay_open_and_health_says_its_status_alone(closed: ContractClient) -> None:
    assert closed.get("/livez").status_code == closed.get("/readyz").status_code == 200
    assert set(closed.get("/health").get_json()) == {"status"}
    assert len(closed.get("/health", headers=EYE).get_json()) > 5


def test_health_tells_that_postgres_is_away_also_who_shows_a_key_that_nobody_can_check(
    make_client: MakeClient,
) -> None:
    away = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    answer = make_client(**away).get("/health", headers={"X-API-Key": "may-be-in-the-database"})
    assert (answer.status_code, answer.get_json()["status"]) == (503, "unhealthy")


def test_a_person_is_sent_to_sign_in_and_then_sees_the_page(browser: FlaskClient) -> None:
    sent = browser.get("/docs?deep=1", headers=HTML)
    assert (sent.status_code, sent.headers["Location"]) == (303, "/signin?next=/docs%3Fdeep%3D1")
    form = browser.get(sent.headers["Location"], headers=HTML)
    assert 'name="next" value="/docs?deep=1"' in form.text
    browser.post("/signin", data={"key": "secret-of-eye"})
    assert browser.get("/docs", headers=HTML).status_code == 200
    assert browser.get("/api/v1/stats").status_code == 200


def test_what_a_stranger_needs_to_sign_in_is_there(browser: FlaskClient) -> None:
    page = browser.get("/signin", headers=HTML)
    assert page.status_code == 200
    for part in page.text.split('href="')[1:]:
        address = part.partition('"')[0]
        if address.startswith("/static/"):
            with browser.get(address) as asset:
                assert asset.status_code == 200


def test_a_page_of_a_configured_origin_may_ask_beforehand_without_a_key(make_client: MakeClient) -> None:
    client = FlaskClient(make_client(**CLOSED, CORS_ORIGINS="https://app.example").application)
    asked = client.options("/api/v1/stats", headers={"Origin": "https://app.example"})
    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Origin"] == "https://app.example"
    refused = client.get("/api/v1/stats", headers={"Origin": "https://app.example"})
    assert refused.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Access-Control-Allow-Credentials" not in refused.headers
    assert "Access-Control-Allow-Origin" not in client.options("/api/v1/stats", headers={"Origin": "https://x"}).headers


def test_keys_are_made_listed_and_revoked_and_their_names_stay_taken(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        secret = make_key(connection, "ann", "ingest")
        (listed,) = list_keys(connection)
        assert (listed.name, listed.role, listed.last_used_at, listed.revoked_at) == ("ann", "ingest", None, None)
        assert secret.startswith(listed.prefix)
        assert len(listed.prefix) < len(secret) / 4
        stored = connection.execute("SELECT api_keys::text FROM api_keys").fetchone()
        assert stored
        assert secret not in stored[0]
        revoke_key(connection, "ann")
        first = list_keys(connection)[0].revoked_at
        assert first
        revoke_key(connection, "ann")
        assert list_keys(connection)[0].revoked_at == first
        with pytest.raises(KeyNameTaken):
            make_key(connection, "ann", "admin")
        with pytest.raises(NoSuchKey):
            revoke_key(connection, "bob")


def test_a_key_of_the_database_works_shows_its_use_and_closes_an_open_server(
    make_client: MakeClient, database_url: str
) -> None:
    assert make_client().post("/api/v1/ingest/csv").status_code == 202
    with psycopg.connect(database_url, autocommit=True) as connection:
        secret = make_key(connection, "ann", "ingest")
        client = make_client()
        assert client.post("/api/v1/ingest/csv").status_code == 401
        key = {"Authorization": f"Bearer {secret}"}
        job = client.post("/api/v1/ingest/csv", headers=key)
        assert job.status_code == 202
        assert client.delete("/api/v1/mappings/csv/x", headers=key).status_code == 403
        keys = services(client.application).auth.keys
        keys._seen = None  # as after a few seconds
        assert client.get("/api/v1/stats", headers=key).status_code == 200
        (listed,) = list_keys(connection)
        assert listed.last_used_at
        assert (listed.last_used_at.minute, listed.last_used_at.second) == (0, 0)
        revoke_key(connection, "ann")
        keys._seen = None
        assert client.post("/api/v1/ingest/csv", headers=key).status_code == 401
        assert client.post("/api/v1/ingest/csv").status_code == 401
