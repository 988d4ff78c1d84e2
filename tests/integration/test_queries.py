"""Every statement is used, and every one prepares against the migrated schema."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
from psycopg import sql as compose

from db.queries import sql, statements

PROJECT = Path(__file__).parents[2]
# What Postgres can't prepare: utility statements.
UTILITY = ("COPY", "SET", "CREATE", "ANALYZE", "TRUNCATE")


def test_every_statement_is_asked_for_by_name_somewhere() -> None:
    code = "\n".join(file.read_text() for file in (PROJECT / "db").glob("*.py"))
    unused = [name for name in statements() if f'"{name}"' not in code]
    assert unused == []


def test_every_statement_prepares_against_the_schema(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(sql("prepare_incoming"))
        for name in statements():
            text = re.sub(r"\{\w+\}", "canonical_id", sql(name))
            if not text.lstrip().upper().startswith(UTILITY):
                text = re.sub(r"(LIMIT|FETCH FIRST) %\(\w+\)s", r"\1 1", text)
                numbered = re.sub(r"%\((\w+)\)s", "NULL", text).replace("%%", "%")
                connection.execute(
                    compose.SQL("PREPARE {} AS {}").format(compose.Identifier(name), compose.SQL(numbered))
                )
