"""CSV files: the one configured on the server (CSV_PATH), or an uploaded one. How they are read: `csvfile/__init__.py`.

A page is a piece of the file as it came, cut at a record's end; its `meta` is the file's layout, worked out once from
its first 64 KiB, with the line the piece begins on. So every piece can be read on its own and in any order, and a fetch
goes on after a crash at the byte where it stood.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from core.errors import GiveUp
from core.models import JsonObject, Page, Parsed
from core.quote_table import QuoteTable
from core.sources.csvfile.layout import Layout
from core.sources.csvfile.pieces import pieces
from core.sources.csvfile.reader import reader
from core.sources.csvfile.refused import Refused
from core.sources.csvfile.survey import BEGINNING, Survey, survey
from core.sources.source import Ask

UPLOAD = "The uploaded file"


def inspect(file: BinaryIO, columns: Mapping[str, str] | None = None) -> JsonObject:
    """Judge a file by its first 64 KiB, and say what was chosen, as in Parsed.notes. The file is left standing there.

    `columns` is the client's word on which header's column holds which field. Raises GiveUp with a sentence fit for
    the client when the file is empty, binary, HTML, without a price column, or isn't one of quotes.
    """
    return _survey(file, columns or {}, UPLOAD)[1].layout.notes


class Csv:
    """It has no limit: a file is read whole."""

    name = "csv"
    default_limit: int | None = None

    def pages(self, ask: Ask, cursor: JsonObject) -> Iterator[Page]:
        """Pieces of about 1 MB, from where `cursor` says.

        Raises GiveUp when the file isn't there, can't be read, isn't one of quotes, or isn't the one the cursor is of.
        """
        subject = UPLOAD if ask.open_file else f"CSV_PATH ({ask.settings.csv_path})"
        try:
            with _open(ask, subject) as file:
                head, (layout, offset, line) = _survey(file, ask.columns, subject)
                mark = hashlib.sha256(head).hexdigest()
                number, digest = 0, _digest_of(layout, line)
                if cursor:
                    if cursor["file"] != mark:
                        raise GiveUp(f"{subject} changed while it was being read; start a new ingest.")
                    number, offset, line = (cast(int, cursor[name]) for name in ("number", "offset", "line"))
                    # A cursor of the release before has none.
                    digest = bytes.fromhex(cast(str, cursor.get("digest", "")))
                file.seek(offset)
                read_at = datetime.now(UTC).isoformat()
                shape = layout.to_json()
                for piece in pieces(file, layout, offset, line):
                    number += 1
                    digest = digest and hashlib.sha256(digest + piece.body).digest()
                    meta: JsonObject = {"layout": shape, "line": piece.line, "fetched_at": read_at}
                    behind: JsonObject = {
                        "file": mark,
                        "number": number,
                        "offset": piece.next_offset,
                        "line": piece.next_line,
                        "digest": digest.hex(),
                    }
                    yield Page(number, piece.body, meta, behind, piece.last, offset, digest or None)
                    offset = piece.next_offset
        except OSError as error:
            raise GiveUp(f"{subject} can't be read: {_why(error)}.") from None

    def parse(self, body: bytes, meta: JsonObject) -> Parsed:
        """Every record of a piece as a Quote, or a Rejection with its line in the file; blank lines don't count."""
        # Imported here since web, which never parses, needs neither pandas nor the 50 MB that it takes.
        from core.sources.csvfile.rows import quotes_of
        from core.sources.csvfile.table import read_table

        layout = Layout.from_json(cast(Mapping[str, object], meta["layout"]))
        table = read_table(body, layout, cast(int, meta["line"]))
        parsed = quotes_of(table, layout, datetime.fromisoformat(cast(str, meta["fetched_at"])))
        return replace(parsed, lasting=_is_lasting(parsed))


def _digest_of(layout: Layout, line: int) -> bytes:
    """What the pages' digests begin with: how they are read, and by whom. Each goes on from the one before it."""
    return hashlib.sha256(json.dumps(["csv", reader(), layout.to_json(), line], sort_keys=True).encode()).digest()


def _is_lasting(parsed: Parsed) -> bool:
    """Every quote has a time of its own, and no row was refused for a time that lies ahead as yet, or can't be read."""
    moments = parsed.quotes.moments if isinstance(parsed.quotes, QuoteTable) else None
    timed = not parsed.quotes or (moments is not None and not moments.null_count)
    return timed and not any(rejection.reason.startswith("observed_at ") for rejection in parsed.rejections)


def _survey(file: BinaryIO, columns: Mapping[str, str], subject: str) -> tuple[bytes, Survey]:
    head = b""
    while len(head) <= BEGINNING and (part := file.read(BEGINNING + 1 - len(head))):
        head += part
    whole = len(head) <= BEGINNING
    head = head[:BEGINNING]
    try:
        return head, survey(head, whole, columns)
    except Refused as error:
        raise GiveUp(f"{subject} {error}") from None


def _open(ask: Ask, subject: str) -> BinaryIO:
    if ask.open_file:
        return ask.open_file()
    path = Path(ask.settings.csv_path)
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):  # a folder; a pipe would keep us waiting for ever
        raise GiveUp(f"{subject} is not a file.")
    return path.open("rb")


def _why(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else "the system gave no reason"


CSV = Csv()
