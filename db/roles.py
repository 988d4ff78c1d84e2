"""`python -m db.roles NAME`: make a Postgres role that can run web and workers, and change no schema.

It is run as the role that migrates, with its DATABASE_URL, as often as one likes. A role that exists keeps its
password; a new one's is printed once. Migrating and making keys stay with the first role.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from pathlib import Path

import psycopg
from psycopg import sql

from core.errors import BadSettings, ProjectError, Unavailable
from core.settings import Settings

_GRANTS = Path(__file__).parent / "roles.sql"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def make_role(database_url: str, name: str) -> str | None:
    """Make the role if need be and give it its rights; its password if it is new.

    Raises BadSettings when the name isn't plain or these rights are not this user's to give, Unavailable when Postgres
    can't be reached.
    """
    if not _NAME.fullmatch(name):
        raise BadSettings("a role's name is made of small letters, digits and underscores")
    try:
        with psycopg.connect(database_url, connect_timeout=10) as connection:
            return _make(connection, name)
    except psycopg.OperationalError:
        raise Unavailable("Postgres can't be reached at DATABASE_URL") from None
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable) as error:
        raise BadSettings(
            f"the user of DATABASE_URL must be the one that migrated, and may make roles: {error.diag.message_primary}"
        ) from None


def _make(connection: psycopg.Connection, name: str) -> str | None:
    exists = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    password = None if exists is not None else secrets.token_urlsafe(24)
    if password:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(
                sql.Identifier(name), sql.Literal(password)
            )
        )
    # Our own file is as good as a literal, which is what psycopg asks for.
    grants: sql.Composed = sql.SQL(_GRANTS.read_text()).format(
        database=sql.Identifier(connection.info.dbname), role=sql.Identifier(name)
    )
    connection.execute(grants)
    return password


def main(arguments: list[str]) -> int:
    try:
        if len(arguments) != 1:
            raise BadSettings("usage: python -m db.roles NAME")
        settings = Settings.from_env(os.environ)
        if settings.database_url is None:
            raise BadSettings("DATABASE_URL must be set: postgresql://user:password@host:port/database")
        password = make_role(settings.database_url, arguments[0])
    except ProjectError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(f"{arguments[0]} may run web and workers" + (f"; its password is {password}" if password else ""))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
