"""What Postgres can say of the system's state."""

from __future__ import annotations

from db.pool import Connection
from db.queries import sql


def schema_version(connection: Connection) -> int:
    """The number of the last migration that ran; 0 before the first."""
    if connection.execute(sql("has_schema")).fetchone() != (True,):
        return 0
    row = connection.execute(sql("schema_version")).fetchone()
    return int(row[0]) if row else 0
