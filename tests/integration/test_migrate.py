"""Migrations: once however many start them, forward only, and who may run on what they made."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from core.errors import BadSettings
from db import schema
from db.migrate import migrate
from db.schema import refuse_unfit


@pytest.fixture
def empty(database_url: str) -> Iterator[str]:
    """The URL of a database without anything in it, on the test's server."""
    name = f"empty_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _write_down(url: str, number: int, oldest: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO schema_migrations (number, name, checksum, oldest) VALUES (%s, 'later', '', %s)",
            [number, oldest],
        )


def test_releases_that_start_at_once_migrate_once(empty: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        ran = list(pool.map(migrate, [empty] * 4))
    assert sorted(name for names in ran for name in names) == [m.name for m in schema.migrations()]


def test_a_second_release_has_nothing_to_do(empty: str) -> None:
    assert migrate(empty)
    assert migrate(empty) == []


def test_a_migration_that_was_changed_after_it_ran_is_refused_by_name(empty: str) -> None:
    migrate(empty)
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("UPDATE schema_migrations SET checksum = 'another' WHERE number = 2")
    with pytest.raises(BadSettings, match=r"0002_.* was changed after it ran"):
        migrate(empty)


def test_nobody_runs_on_a_database_without_a_schema(empty: str) -> None:
    with pytest.raises(BadSettings, match="no schema yet"):
        refuse_unfit(empty)


def test_nobody_runs_on_a_schema_that_is_too_old(empty: str) -> None:
    migrate(empty)
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("DELETE FROM schema_migrations WHERE number = %s", [schema.newest()])
    with pytest.raises(BadSettings, match=f"lacks migration {schema.newest():04}"):
        refuse_unfit(empty)


def test_the_release_before_goes_on_beside_its_successors_schema(empty: str) -> None:
    migrate(empty)
    _write_down(empty, schema.newest() + 1, oldest=0)
    refuse_unfit(empty)
    assert migrate(empty) == []


def test_nobody_runs_on_a_schema_that_breaks_his_release(empty: str) -> None:
    migrate(empty)
    _write_down(empty, schema.newest() + 2, oldest=schema.newest() + 1)
    with pytest.raises(BadSettings, match="too new"):
        refuse_unfit(empty)
    with pytest.raises(BadSettings, match="too new"):
        migrate(empty)


def test_a_postgres_that_is_away_is_no_reason_to_refuse() -> None:
    refuse_unfit("postgresql://nobody@127.0.0.1:1/nothing")
