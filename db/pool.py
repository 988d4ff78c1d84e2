"""Connections to Postgres: opened on first use, so that a fork or an import never carries one along."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from core.errors import Unavailable

Connection = psycopg.Connection[tuple[Any, ...]]

# A caller would rather hear that Postgres is away than wait for it: clients get a 503 with Retry-After.
_CONNECT_SECONDS = 5


class Database:
    """A pool of at most `size` connections, in autocommit: who needs a transaction opens one by name.

    `name` is how they show up in pg_stat_activity.
    """

    def __init__(self, url: str, size: int, name: str = "crypto-quotes") -> None:
        self._pool = ConnectionPool(
            url,
            min_size=0,
            max_size=size,
            open=False,
            timeout=_CONNECT_SECONDS,
            reconnect_timeout=0,
            check=ConnectionPool.check_connection,
            kwargs={
                "autocommit": True,
                "connect_timeout": _CONNECT_SECONDS,
                "options": "-c TimeZone=UTC",
                "application_name": name,
            },
        )

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection. Raises Unavailable when Postgres can't be reached or goes away underneath."""
        self._pool.open()
        try:
            with self._pool.connection() as connection:
                yield connection
        except (PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise Unavailable("the database can't be reached now") from error

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Lend a connection inside a transaction that commits when the block ends well."""
        with self.connection() as connection, connection.transaction():
            yield connection

    def close(self) -> None:
        self._pool.close()
