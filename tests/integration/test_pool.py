"""Connections while Postgres goes away and comes back: known as an outage, over by itself, dead ones never lent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from core.errors import Unavailable
from db.pool import Database
from local.postgres import Postgres
from tests.waiting import until


@pytest.fixture
def database(own_postgres: Postgres) -> Iterator[Database]:
    database = Database(own_postgres.url, size=4)
    yield database
    database.close()


def _backends(database: Database, count: int) -> set[int]:
    """As many connections at once; by whom they are served."""
    with ExitStack() as lent:
        return {lent.enter_context(database.connection()).info.backend_pid for _ in range(count)}


def _answers(database: Database) -> bool:
    try:
        with database.connection() as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except Unavailable:
        return False


def test_an_outage_is_known_from_the_first_failure_and_over_with_the_first_connection(
    database: Database, own_postgres: Postgres
) -> None:
    assert _answers(database)
    assert not database.away
    own_postgres.stop()
    for _ in range(2):
        assert not _answers(database)
        assert database.away
    own_postgres.start()
    until(lambda: _answers(database), "Postgres to be used again")
    assert not database.away


def test_connections_that_died_while_nobody_used_them_are_lent_to_nobody(
    database: Database, own_postgres: Postgres
) -> None:
    before = _backends(database, 4)
    with psycopg.connect(own_postgres.url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s::integer[]) AS pid", [list(before)])
    after = _backends(database, 4)
    assert (len(after), after & before) == (4, set())


def test_a_connection_that_dies_in_use_is_told_and_not_lent_again(database: Database) -> None:
    with pytest.raises(Unavailable), database.connection() as connection:
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert _answers(database)
