"""Everything as one file, or on standard output, as GET /api/v1/export gives it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import click

from cli.output import progress
from cli.program import Program, note
from core.exporting import FORMATS, Row
from db.export import COLUMNS, ExportQuery, batches

# Whoever pages through it takes their time.
_IDLE_SECONDS = 3600
_LONGEST_SECONDS = 24 * 3600


def export(program: Program, query: ExportQuery, *, name: str, out: Path | None, as_json: bool) -> None:
    """Write rows in the format of that name. A file appears when it is whole."""
    if out is None:
        _write(program, query, name, sys.stdout.buffer)
        return
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            rows = _write(program, query, name, file)
        size = part.stat().st_size
        part.rename(out)
    finally:
        part.unlink(missing_ok=True)
    if as_json:
        click.echo(
            json.dumps({"file": os.fspath(out), "what": query.what, "format": name, "rows": rows, "bytes": size})
        )
    else:
        note(f"{out}: {rows} rows, {size} bytes")


def _write(program: Program, query: ExportQuery, name: str, file: BinaryIO) -> int:
    with (
        progress() as show,
        closing(batches(program.database, query, idle=_IDLE_SECONDS, longest=_LONGEST_SECONDS)) as found,
    ):
        count = 0
        # Nothing is written before something could be read.
        first = next(found, ())

        def counted() -> Iterator[Sequence[Row]]:
            nonlocal count
            for rows in chain([first] if first else [], found):
                yield rows
                count += len(rows)
                if file is not sys.stdout.buffer:
                    show(f"{query.what}, rows", count, None)

        for piece in FORMATS[name].pieces(COLUMNS[query.what], counted()):
            file.write(piece)
        file.flush()
        return count
