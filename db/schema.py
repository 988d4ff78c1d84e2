"""Which schema the database has, and whether this release can work with it.

Migrations go forward only, and those of a release leave the release before working, so that both may run side by side
while one replaces the other. One that doesn't names the oldest code that goes on working, in a line of its own:
`-- breaks code before 0007` says that code whose newest migration is older than 0007 must not run on it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg

from core.errors import BadSettings
from db.pool import Connection

MIGRATIONS = Path(__file__).parent / "migrations"
_BREAKS = re.compile(r"^-- breaks code before ([0-9]{4})$", re.MULTILINE)
_PATIENCE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of db/migrations. `oldest` is the number of the newest migration of the oldest code that it suits."""

    number: int
    name: str
    text: str
    checksum: str
    oldest: int


@cache
def migrations() -> tuple[Migration, ...]:
    """Those that this release knows, in their order."""
    found = []
    for file in sorted(MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.sql")):
        text = file.read_text()
        breaks = _BREAKS.search(text)
        checksum = hashlib.sha256(text.encode()).hexdigest()
        found.append(Migration(int(file.name[:4]), file.name, text, checksum, int(breaks[1]) if breaks else 0))
    return tuple(found)


def newest() -> int:
    """The number of the newest migration that this code knows."""
    return migrations()[-1].number


def unfit(connection: Connection) -> str | None:
    """Why this release can't work with the schema; None when it can."""
    if connection.execute("SELECT to_regclass('schema_migrations') IS NOT NULL").fetchone() != (True,):
        return "The database has no schema yet: run `python -m db.migrate`."
    rows = connection.execute("SELECT number, (to_jsonb(m) ->> 'oldest')::integer FROM schema_migrations m").fetchall()
    applied: dict[int, int] = {number: oldest or 0 for number, oldest in rows}
    mine = newest()
    if missing := {migration.number for migration in migrations()} - applied.keys():
        return f"The database's schema lacks migration {min(missing):04}, which this release needs: migrate it."
    if (needed := max(applied.values())) > mine:
        return f"The database's schema is too new: it needs code of migration {needed:04}, this release has {mine:04}."
    return None


def refuse_unfit(database_url: str) -> None:
    """Raise BadSettings when Postgres answers and has a schema that this release can't work with.

    A Postgres that doesn't answer is no reason: it may be away for a moment.
    """
    try:
        with psycopg.connect(database_url, autocommit=True, connect_timeout=_PATIENCE_SECONDS) as connection:
            reason = unfit(connection)
    except psycopg.Error:
        return
    if reason:
        raise BadSettings(reason)
