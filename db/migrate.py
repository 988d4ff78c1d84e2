"""`python -m db.migrate`: bring the schema up to date, forward only, once however many processes start it.

Each file of db/migrations runs in a transaction of its own and is written down with its checksum; a file that was
changed after it ran is an error, since two databases would then differ under one number. A migration waits a few
seconds at a time for its tables, for whoever comes after it waits as well, and is tried again.
"""

from __future__ import annotations

import os
import sys

import psycopg

from core.errors import BadSettings, ProjectError, Unavailable
from core.settings import Settings
from db import schema
from db.schema import Migration

OLDEST_POSTGRES = 16
# Any number will do, as long as nothing else takes it: migrations exclude each other by it.
_LOCK = 7_316_400_001
_TRIES = 20


def migrate(database_url: str) -> list[str]:
    """Run what is missing and return the names of the files that ran.

    Raises Unavailable when the server can't be reached, BadSettings when it is older than Postgres 16 or its schema
    is not one that this code can work with.
    """
    try:
        # Nothing is prepared: behind a pooler, the next migration's connection may have what this one's prepared.
        connection = psycopg.connect(database_url, autocommit=True, connect_timeout=10, prepare_threshold=None)
    except psycopg.OperationalError as error:
        raise Unavailable(f"Postgres can't be reached at DATABASE_URL: {_plain(error)}") from None
    with connection:
        version = connection.info.server_version // 10000
        if version < OLDEST_POSTGRES:
            raise BadSettings(
                f"DATABASE_URL is served by Postgres {version}; this program needs {OLDEST_POSTGRES} or newer."
            )
        with connection.transaction():
            _alone(connection)
            connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_migrations (number integer PRIMARY KEY, name text NOT NULL,"
                " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
            )
            connection.execute(
                "ALTER TABLE schema_migrations ADD COLUMN IF NOT EXISTS oldest integer NOT NULL DEFAULT 0"
            )
        ran = [migration.name for migration in schema.migrations() if _run(connection, migration)]
        if reason := schema.unfit(connection):
            raise BadSettings(reason)
        return ran


def _alone(connection: psycopg.Connection) -> None:
    # By the transaction and not by the session: a pooler may give the next statement to another one.
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _run(connection: psycopg.Connection, migration: Migration) -> bool:
    """Run it unless it ran; whether it did."""
    for attempt in range(1, _TRIES + 1):
        try:
            with connection.transaction():
                _alone(connection)
                applied = connection.execute(
                    "SELECT checksum FROM schema_migrations WHERE number = %s", [migration.number]
                ).fetchone()
                if applied is None:
                    connection.execute("SET LOCAL lock_timeout = '3s'")
                    connection.execute(migration.text.encode())
                    connection.execute(
                        "INSERT INTO schema_migrations (number, name, checksum, oldest) VALUES (%s, %s, %s, %s)",
                        [migration.number, migration.name, migration.checksum, migration.oldest],
                    )
        except psycopg.errors.LockNotAvailable:
            if attempt == _TRIES:
                raise Unavailable(f"{migration.name} waited {_TRIES} times in vain for its tables.") from None
        else:
            if applied is not None and applied[0] != migration.checksum:
                raise BadSettings(
                    f"migration {migration.name} was changed after it ran; put it back and add a new one."
                )
            return applied is None
    raise AssertionError("not reached")


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
