"""A piece of a file as columns of text, by pandas' C reader, with the records that don't fit set aside.

Which lines are records of the right width is found out beforehand, on the bytes and all at once, since the reader
neither tells short rows from rows with empty fields, nor gives the lines of bad ones. Records that need care (quotes
inside a field, several lines, another encoding) are read one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.models import Rejection
from core.sources.csvfile.encoding import line_to_text, to_utf8
from core.sources.csvfile.layout import Layout
from core.sources.csvfile.records import LONGEST_RECORD, Kind, fields_of, spans

_LONGEST_RAW = 300  # characters of a rejected record that are kept
_LINE_END, _QUOTE = ord("\n"), ord('"')


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in the order of the file. `columns` has a list of texts by field, all as long as `lines`."""

    lines: list[int]
    columns: dict[str, list[str]]
    rejections: list[Rejection]
    raw: Callable[[int], str]  # of a row, by its place in the lists


def read_table(body: bytes, layout: Layout, first_line: int) -> Table:
    """Read a piece that begins on `first_line`. Never raises for what the bytes are."""
    text = layout.lines(to_utf8(body, layout.encoding))
    if text and not text.endswith(b"\n"):
        text += b"\n"
    plain, careful, rejections = _set_aside(text, layout, first_line)
    starts, ends, suspect = _lines(plain, layout)
    for place in np.flatnonzero(suspect).tolist():
        line, record = first_line + place, plain[starts[place] : ends[place]]
        if not record.strip():
            continue
        if reason := _fault(record, layout):
            rejections.append(Rejection(line, reason, raw_text(record)))
        else:
            careful.append((line, int(starts[place]), int(ends[place])))
    kept = np.flatnonzero(~suspect)
    if len(kept) < len(suspect):
        plain = b"".join([plain[starts[place] : ends[place] + 1] for place in kept])
    lines = (first_line + kept).tolist()
    columns = _read(plain, len(lines), layout)
    at = list(zip(starts[kept].tolist(), ends[kept].tolist(), strict=True))
    if careful:
        lines, at = _add(careful, lines, at, columns, text, layout)
    return Table(lines, columns, rejections, lambda row: raw_text(text[at[row][0] : at[row][1]]))


def raw_text(record: bytes) -> str:
    """A record as it came, cut, its bytes that are no characters (or NUL) spelled out."""
    text = record[: 4 * _LONGEST_RAW].decode(errors="backslashreplace").replace("\0", "\\x00")
    return text.strip("\r\n")[:_LONGEST_RAW]


def _set_aside(
    text: bytes, layout: Layout, first_line: int
) -> tuple[bytes, list[tuple[int, int, int]], list[Rejection]]:
    """The text, blank where it isn't a record a line; (line, start, end) of records that need care; stray lines."""
    careful: list[tuple[int, int, int]] = []
    rejections = []
    blanked = None
    line = first_line
    for start, end, kind in spans(text, layout.delimiter, layout.width):
        if kind is not Kind.PLAIN:
            blanked = bytearray(text) if blanked is None else blanked
            blanked[start:end] = re.sub(rb"[^\n]", b" ", text[start:end])
            if kind is Kind.STRAY:
                rejections.append(_stray(line, text[start:end]))
            elif reason := _fault(text[start:end], layout):
                rejections.append(Rejection(line, reason, raw_text(text[start:end])))
            else:
                careful.append((line, start, end))
        line += text.count(b"\n", start, end)
    return text if blanked is None else bytes(blanked), careful, rejections


def _stray(line: int, record: bytes) -> Rejection:
    reason = "the row has a quote that isn't closed"
    return Rejection(line, _too_long() if len(record) > LONGEST_RECORD else reason, raw_text(record))


def _lines(plain: bytes, layout: Layout) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Where each line starts and ends (before its line end), and whether it must be looked at on its own."""
    data = np.frombuffer(plain, np.uint8)
    ends = np.flatnonzero(data == _LINE_END)
    starts = np.concatenate((ends[:1] * 0, ends[:-1] + 1))
    delimiters = np.flatnonzero(data == ord(layout.delimiter))
    if b'"' in plain:
        inside_quotes = np.cumsum(data == _QUOTE, dtype=np.uint8) & 1
        delimiters = delimiters[inside_quotes[delimiters] == 0]
    suspect = np.diff(np.searchsorted(delimiters, ends), prepend=0) != layout.width - 1
    suspect |= ends - starts > LONGEST_RECORD
    if b"\0" in plain:
        suspect[np.searchsorted(ends, np.flatnonzero(data == 0))] = True
    if not plain.isascii():
        suspect |= _undecodable(plain, starts, ends)
    return starts, ends, suspect


def _undecodable(plain: bytes, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.bool_]:
    marked = np.zeros(len(ends), np.bool_)
    try:
        plain.decode()
    except UnicodeDecodeError:
        for place, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            try:
                plain[start:end].decode()
            except UnicodeDecodeError:
                marked[place] = True
    return marked


def _fault(record: bytes, layout: Layout) -> str:
    """Why a record (not a stray line) can't be a row; "" when it can."""
    if len(record) > LONGEST_RECORD:
        return _too_long()
    if b"\0" in record:
        return "the row has a NUL character"
    try:
        fields = len(fields_of(line_to_text(record, layout.encoding), layout.delimiter))
    except ValueError as error:
        return f"the row {error}"
    if fields != layout.width:
        much = "many" if fields > layout.width else "few"
        return f"the row has too {much} fields: {fields} where the header has {layout.width}"
    return ""


def _too_long() -> str:
    return f"the row is longer than {LONGEST_RECORD} bytes"


def _read(plain: bytes, rows: int, layout: Layout) -> dict[str, list[str]]:
    if not rows:
        return {field: [] for field in layout.columns}
    try:
        frame = pd.read_csv(
            BytesIO(plain),
            header=None,
            names=list(range(layout.width)),
            index_col=False,
            usecols=sorted(set(layout.columns.values())),
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            sep=layout.delimiter,
            lineterminator="\n",
            skipinitialspace=True,
            skip_blank_lines=False,
            low_memory=False,
            engine="c",
        )
        if len(frame) == rows:
            return {field: frame[place].tolist() for field, place in layout.columns.items()}
    except (ValueError, OverflowError, pd.errors.ParserError):
        pass  # the reader has limits of its own; the slow way has none
    read = [fields_of(line.decode(), layout.delimiter) for line in plain.split(b"\n")[:-1]]
    return {field: [fields[place] for fields in read] for field, place in layout.columns.items()}


def _add(
    careful: list[tuple[int, int, int]],
    lines: list[int],
    at: list[tuple[int, int]],
    columns: dict[str, list[str]],
    text: bytes,
    layout: Layout,
) -> tuple[list[int], list[tuple[int, int]]]:
    """Put the records that were read one by one where they belong."""
    for line, start, end in careful:
        fields = fields_of(line_to_text(text[start:end], layout.encoding), layout.delimiter)
        lines.append(line)
        at.append((start, end))
        for field, place in layout.columns.items():
            columns[field].append(fields[place])
    order = sorted(range(len(lines)), key=lines.__getitem__)
    for field, texts in columns.items():
        columns[field] = [texts[row] for row in order]
    return [lines[row] for row in order], [at[row] for row in order]
