"""Connections to Postgres: opened on first use, so that a fork or an import never carries one along."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.errors import IdleInTransactionSessionTimeout
from psycopg_pool import ConnectionPool, PoolTimeout

from core.errors import Unavailable

Connection = psycopg.Connection[tuple[Any, ...]]

# A host that vanishes says nothing: without these its connections would wait for hours, on either side.
_KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 11_000}
# A caller would rather hear that Postgres is away than wait for it: clients get a 503 with Retry-After.
_CONNECT_SECONDS = 5


class Database:
    """A pool of at most `size` connections, in autocommit: who needs a transaction opens one by name.

    `name` is how they show up in pg_stat_activity. Postgres ends a transaction that was left idle for `idle` seconds
    (None: however long), so that a process that is stopped in the middle of one doesn't keep its locks.
    """

    def __init__(self, url: str, size: int, name: str = "crypto-quotes", idle: float | None = None) -> None:
        limit = f" -c idle_in_transaction_session_timeout={round(idle * 1000)}" if idle else ""
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
                "options": f"-c TimeZone=UTC{limit}",
                "application_name": name,
                **_KEEPALIVES,
            },
        )

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection. Raises Unavailable when Postgres can't be reached or goes away underneath."""
        self._pool.open()
        try:
            with self._pool.connection() as connection:
                yield connection
        except (
            PoolTimeout,
            psycopg.OperationalError,
            psycopg.InterfaceError,
            IdleInTransactionSessionTimeout,
        ) as error:
            raise Unavailable("the database can't be reached now") from error

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Lend a connection inside a transaction that commits when the block ends well."""
        with self.connection() as connection, connection.transaction():
            yield connection

    def close(self) -> None:
        self._pool.close()
