"""`python -m db.migrate`: bring the schema up to date, forward only, once however many processes start it.

Each file of db/migrations runs in a transaction of its own and is written down with its checksum; a file that was
changed after it ran is an error, since two databases would then differ under one number.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import psycopg

from core.errors import BadSettings, ProjectError, Unavailable
from core.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"
OLDEST_POSTGRES = 16
# Any number will do, as long as nothing else takes it: migrations exclude each other by it.
_LOCK = 7_316_400_001


def _files() -> dict[int, Path]:
    return {int(file.name[:4]): file for file in sorted(MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.sql"))}


def newest() -> int:
    """The number of the newest migration that this code knows."""
    return max(_files())


def migrate(database_url: str) -> list[str]:
    """Run what is missing and return the names of the files that ran.

    Raises Unavailable when the server can't be reached, BadSettings when it is older than Postgres 16 or its schema
    is not one that this code made.
    """
    try:
        connection = psycopg.connect(database_url, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise Unavailable(f"Postgres can't be reached at DATABASE_URL: {_plain(error)}") from None
    with connection:
        version = connection.info.server_version // 10000
        if version < OLDEST_POSTGRES:
            raise BadSettings(
                f"DATABASE_URL is served by Postgres {version}; this program needs {OLDEST_POSTGRES} or newer."
            )
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            return _run_missing(connection)
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _run_missing(connection: psycopg.Connection) -> list[str]:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number integer PRIMARY KEY, name text NOT NULL,"
        " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    applied: dict[int, str] = dict(connection.execute("SELECT number, checksum FROM schema_migrations").fetchall())
    files = _files()
    if unknown := applied.keys() - files.keys():
        raise BadSettings(
            f"the database has migration {max(unknown)}, which this release doesn't know: deploy a newer one."
        )
    ran = []
    for number, file in files.items():
        text = file.read_text()
        checksum = hashlib.sha256(text.encode()).hexdigest()
        if applied.get(number, checksum) != checksum:
            raise BadSettings(f"migration {file.name} was changed after it ran; put it back and add a new one.")
        if number in applied:
            continue
        with connection.transaction():
            connection.execute(text)
            connection.execute(
                "INSERT INTO schema_migrations (number, name, checksum) VALUES (%s, %s, %s)",
                [number, file.name, checksum],
            )
        ran.append(file.name)
    return ran


def _plain(error: psycopg.Error) -> str:
    """The server's first line, without the connection string's details."""
    return str(error).strip().splitlines()[-1].removeprefix("FATAL:").strip() if str(error).strip() else "no answer"


def main() -> int:
    try:
        settings = Settings.from_env(os.environ)
        if settings.database_url is None:
            raise BadSettings("DATABASE_URL must be set: postgresql://user:password@host:port/database")
        ran = migrate(settings.database_url)
    except ProjectError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print("database is up to date" + (f", after {', '.join(ran)}" if ran else ""))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
