"""The whole program under a database role that can't change the schema."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest

from core.errors import BadSettings
from db.apikeys import make_key
from db.migrate import migrate
from db.roles import make_role
from local.postgres import Postgres
from local.valkey import Valkey
from tests.program import Program

ROLE = "quotes_app"


def _as_role(database_url: str, password: str) -> str:
    parts = urlsplit(database_url)
    return urlunsplit(parts._replace(netloc=f"{ROLE}:{quote(password)}@{parts.netloc.rpartition('@')[2]}"))


def test_the_main_job_runs_under_a_role_without_ddl(own_postgres: Postgres, own_valkey: Valkey) -> None:
    migrate(own_postgres.url)
    password = make_role(own_postgres.url, ROLE)
    assert password
    assert make_role(own_postgres.url, ROLE) is None  # as often as one likes
    url = _as_role(own_postgres.url, password)
    with psycopg.connect(own_postgres.url, autocommit=True) as owner:
        key = {"X-API-Key": make_key(owner, "boss", "admin")}
    with Program(url, own_valkey) as program:
        for file in (None, {"file": ("more.csv", b"symbol,name,price\nABC,Abacus,1.5\nDEF,Default,2\n")}):
            answer = program.post("/api/v1/ingest/csv", headers={**key, "Prefer": "wait=30"}, files=file)
            assert (answer.status_code, answer.json()["status"]) == (200, "success")
        assert program.get("/api/v1/data").json()["total"] == 7
        (mapping,) = program.get("/api/v1/coins/abc").json()["mappings"]
        address = f"/api/v1/mappings/csv/{mapping['source_id']}"
        assert program.request("PUT", address, headers=key, json={"canonical_id": "def"}).status_code == 200
        assert program.request("DELETE", address, headers=key).status_code in (200, 204)
        cleared = program.request("DELETE", "/api/v1/data?confirm=true", headers=key)
        assert cleared.status_code == 200
        assert program.get("/health").json()["status"] == "healthy"


def test_the_role_can_neither_change_the_schema_nor_let_anyone_in(own_postgres: Postgres) -> None:
    migrate(own_postgres.url)
    password = make_role(own_postgres.url, ROLE)
    assert password
    with psycopg.connect(_as_role(own_postgres.url, password), autocommit=True) as connection:
        for forbidden in (
            "CREATE TABLE public.mine (x integer)",
            "ALTER TABLE jobs ADD COLUMN x integer",
            "DROP TABLE jobs",
            "TRUNCATE jobs",
            "UPDATE session_secret SET secret = ''",
            "UPDATE api_keys SET role = 'admin'",
            "DELETE FROM schema_migrations",
            "CREATE ROLE another",
            "COPY jobs TO PROGRAM 'true'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            make_key(connection, "mine", "admin")
    with pytest.raises(BadSettings):
        make_role(_as_role(own_postgres.url, password), "another")


@pytest.mark.parametrize("name", ["", "Robert'); DROP TABLE jobs;--", "a b", "Ä"])
def test_a_role_has_a_plain_name(name: str) -> None:
    with pytest.raises(BadSettings):
        make_role("postgresql://nobody@127.0.0.1:1/none", name)
