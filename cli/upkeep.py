"""After a new release or a change of the rules: the schema, and a rebuild; and files to try it all with."""

from __future__ import annotations

import json
import os
import sys
from itertools import islice
from math import ceil
from pathlib import Path

import click

from cli.jobs import accepted
from cli.program import WHO, Program, note
from core.errors import BadSettings
from core.sample import COINS_PER_TIME, lines
from db import reprocess
from db.migrate import migrate
from db.schema import newest


def bring_up_to_date(program: Program, *, as_json: bool) -> None:
    """Run the migrations that are missing. Raises Unavailable, and BadSettings for an unfit Postgres or schema."""
    if program.settings.database_url is None:
        raise BadSettings("DATABASE_URL must be set, or `make run` be running here.")
    ran = migrate(program.settings.database_url)
    if as_json:
        click.echo(json.dumps({"ran": ran, "schema": newest()}))
    else:
        click.echo("database is up to date" + (f", after {', '.join(ran)}" if ran else ""))


def rebuild(program: Program, *, wait: bool, as_json: bool) -> None:
    with program.database.transaction() as connection:
        made = reprocess.submit(connection, max_attempts=program.settings.retry_max + 1, requested_by=WHO)
    accepted(program, made.job_id, made.doorbells, wait=wait, as_json=as_json)


def sample(*, coins: int, times: int, rows: int | None, seed: int, out: Path | None, as_json: bool) -> None:
    """Write made-up quotes; `rows` stands for as many coins and times as make that many rows."""
    if rows is not None:
        coins = min(rows, COINS_PER_TIME)
        times = ceil(rows / coins)
    count = coins * times if rows is None else rows
    written = islice(lines(coins, times, seed), 1 + count)
    if out is None:
        sys.stdout.writelines(written)
        return
    with out.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(written)
    if as_json:
        click.echo(json.dumps({"file": os.fspath(out), "rows": count, "coins": coins, "times": times}))
    else:
        note(f"{out}: {count:,} rows")
