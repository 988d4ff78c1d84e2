"""What Postgres says of itself, for who looks for what is wrong with an installation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.pool import Connection
from db.queries import sql


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """`major` is the version's; `fsync`, `synchronous` and `full_pages` say how it keeps what was committed.

    `standby`: it can only be read. `size` is the database's in bytes, `now` the server's clock.
    """

    version: str
    major: int
    fsync: bool
    synchronous: bool
    full_pages: bool
    standby: bool
    now: datetime
    size: int


def server_facts(connection: Connection) -> ServerFacts:
    row = connection.execute(sql("server_facts")).fetchone()
    assert row  # noqa: S101  it has a row, whatever there is
    return ServerFacts(*row)
