"""Connections to Postgres: opened on first use, so that a fork or an import never carries one along."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
# As long as it is known to be away, each caller tries for no longer than this.
_AWAY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Use:
    """A pool's connections: lent, ready to be lent, and at most; and how many callers wait for one."""

    in_use: int
    idle: int
    limit: int
    waiting: int


class Database:
    """A pool of at most `size` connections, in autocommit: who needs a transaction opens one by name.

    `name` is how they show up in pg_stat_activity. Postgres ends a transaction that was left idle for `idle` seconds
    (None: however long), so that a process that is stopped in the middle of one doesn't keep its locks. `pooled` says
    that a pooler may give each transaction another server connection: settings and prepared statements don't last.
    """

    def __init__(
        self, url: str, size: int, name: str = "crypto-quotes", idle: float | None = None, *, pooled: bool = False
    ) -> None:
        # Whether connecting failed and nobody was lent a connection since.
        self.away = False
        self._limit = f"{round(idle * 1000)}ms" if idle and pooled else None
        limit = f" -c idle_in_transaction_session_timeout={round(idle * 1000)}" if idle else ""
        # A pooler refuses `options`, but minds a client's time zone. PgBouncer before 1.21 can't prepare statements.
        way: dict[str, Any] = {"prepare_threshold": None} if pooled else {"options": f"-c TimeZone=UTC{limit}"}
        self.pooled = pooled
        self._url = url
        self._way = {
            "autocommit": True,
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": name,
            **way,
            **_KEEPALIVES,
        }
        self._pool = ConnectionPool(
            url,
            min_size=0,
            max_size=size,
            open=False,
            timeout=_CONNECT_SECONDS,
            reconnect_timeout=0,
            reconnect_failed=self._could_not_connect,
            configure=_in_utc if pooled else None,
            kwargs=self._way,
        )

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection. Raises Unavailable when Postgres can't be reached or goes away underneath."""
        self._pool.open()
        try:
            connection = self._lent()
            try:
                with connection:
                    yield connection
            finally:
                self._pool.putconn(connection)
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
            if self._limit:
                connection.execute("SELECT set_config('idle_in_transaction_session_timeout', %s, true)", [self._limit])
            yield connection

    def separate_connection(self) -> Connection:
        """A connection outside of the pool, the caller's to close. Raises Unavailable."""
        try:
            return psycopg.connect(self._url, **self._way)
        except psycopg.OperationalError as error:
            raise Unavailable("the database can't be reached now") from error

    def use(self) -> Use:
        """How busy the pool is now; asks nobody."""
        stats = self._pool.get_stats()
        idle = stats.get("pool_available", 0)
        return Use(stats.get("pool_size", 0) - idle, idle, stats["pool_max"], stats.get("requests_waiting", 0))

    def close(self) -> None:
        self._pool.close()

    def _lent(self) -> Connection:
        """A connection that lives. Raises PoolTimeout."""
        patience = time.monotonic() + _CONNECT_SECONDS
        while True:
            try:
                # The pool tries to connect each time that it is asked, and tells who waits nothing of a failure.
                connection = self._pool.getconn(timeout=_AWAY_SECONDS)
            except PoolTimeout:
                if self.away or time.monotonic() > patience:
                    self.away = True
                    raise
                continue
            if _lives(connection):
                self.away = False
                return connection
            connection.close()
            self._pool.putconn(connection)

    def _could_not_connect(self, _pool: ConnectionPool[Connection]) -> None:
        self.away = True


def _in_utc(connection: Connection) -> None:
    connection.execute("SET TimeZone = 'UTC'")


def _lives(connection: Connection) -> bool:
    """Whether an idle connection still leads to Postgres, which has nothing to say on it but that it ends."""
    try:
        listening = select.poll()
        listening.register(connection.fileno(), select.POLLIN)
        if listening.poll(0):
            ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True
