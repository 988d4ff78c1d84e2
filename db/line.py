"""A connection of its own, on which the data version is asked for without waiting: for a loop that serves others too.

What its answer is worth stands in db.version. Whoever listens calls `heard` when the connection has something to say.
"""

from __future__ import annotations

import psycopg
from psycopg.pq import ExecStatus

from core.errors import Unavailable
from db.pool import Connection, Database
from db.queries import sql

_NAME = "current_version"


class Line:
    """One asking at a time. After Unavailable it is of no more use but to be closed. No thread may share it."""

    def __init__(self, connection: Connection, *, prepared: bool) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._prepared = prepared
        self._asks = False
        self._version: str | None = None
        self._pgconn.nonblocking = 1
        # A connection that is lost would not tell its number any more.
        self._number = connection.fileno()

    @classmethod
    def of(cls, database: Database) -> Line:
        """Connect, which may take a while. Raises Unavailable."""
        connection = database.separate_connection()
        # A pooler gives each transaction another connection, to which nothing prepared is known.
        if not database.pooled:
            connection.pgconn.prepare(_NAME.encode(), sql(_NAME).encode())
        return cls(connection, prepared=not database.pooled)

    def fileno(self) -> int:
        return self._number

    def ask(self) -> None:
        """Send the question. Raises Unavailable."""
        self._asks, self._version = True, None
        try:
            if self._prepared:
                self._pgconn.send_query_prepared(_NAME.encode(), None)
            else:
                self._pgconn.send_query_params(sql(_NAME).encode(), None)
            left = self._pgconn.flush()
        except psycopg.Error as error:
            raise Unavailable("the database can't be reached now") from error
        if left:
            raise Unavailable("the database doesn't listen now")

    def heard(self) -> str | None:
        """The version, once all of the answer is there; None before. Raises Unavailable."""
        try:
            self._pgconn.consume_input()
            while not self._pgconn.is_busy():
                result = self._pgconn.get_result()
                if result is None:
                    return self._told()
                if result.status != ExecStatus.TUPLES_OK:
                    raise Unavailable("the database can't be asked now")
                self._version = (result.get_value(0, 0) or b"").decode()
        except psycopg.Error as error:
            raise Unavailable("the database can't be reached now") from error
        return None

    def close(self) -> None:
        self._connection.close()

    def _told(self) -> str | None:
        if not self._asks:
            return None
        if self._version is None:
            raise Unavailable("the database had no answer")
        self._asks = False
        return self._version
