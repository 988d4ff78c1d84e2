"""API keys that the database keeps: made, listed, revoked."""

from __future__ import annotations

import json

import click

from cli.output import table
from cli.program import Program, note
from db import apikeys


def make(program: Program, name: str, role: str, *, as_json: bool) -> None:
    """The secret goes to standard output, this once."""
    with program.database.transaction() as connection:
        secret = apikeys.make_key(connection, name, role)
    if as_json:
        click.echo(json.dumps({"name": name, "role": role, "secret": secret}))
        return
    click.echo(secret)
    note(f"This is the key of {name} ({role}); it can't be shown again.")


def show(program: Program, *, as_json: bool) -> None:
    with program.database.connection() as connection:
        keys = apikeys.list_keys(connection)
    rows = [
        (
            key.name,
            key.role,
            key.prefix,
            key.created_at.isoformat(),
            key.last_used_at and key.last_used_at.isoformat(),
            key.revoked_at and key.revoked_at.isoformat(),
        )
        for key in keys
    ]
    heads = ("name", "role", "prefix", "created_at", "last_used_at", "revoked_at")
    if as_json:
        click.echo(json.dumps({"data": [dict(zip(heads, row, strict=True)) for row in rows]}))
    else:
        table(tuple(head.replace("_", " ") for head in heads), rows)


def revoke(program: Program, name: str, *, as_json: bool) -> None:
    with program.database.transaction() as connection:
        apikeys.revoke_key(connection, name)
    if as_json:
        click.echo(json.dumps({"name": name, "revoked": True}))
    else:
        click.echo(f"{name} is revoked; web refuses it within 5 seconds")
