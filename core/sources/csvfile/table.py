"""A piece of a file as columns of text, with the records that don't fit set aside.

Which lines are records of the right width is found out beforehand, on the bytes and all at once, since the readers
neither tell short rows from rows with empty fields, nor give the lines of bad ones. Records that need care (quotes
inside a field, several lines, another encoding) are read one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.models import Rejection
from core.sources.csvfile.encoding import line_to_text, to_utf8
from core.sources.csvfile.layout import Layout
from core.sources.csvfile.reading import Columns, columns_of, texts_of
from core.sources.csvfile.records import LONGEST_RECORD, Kind, fields_of, spans

_LONGEST_RAW = 300  # characters of a rejected record that are kept
_LINE_END, _QUOTE = ord("\n"), ord('"')


Lines: TypeAlias = NDArray[np.intp]
Places: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]  # where each record starts and ends


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in the order of the file. `columns` has the texts by field, null for "", all as long as `lines`."""

    lines: Lines
    columns: Columns
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
    lines, at = first_line + kept, (starts[kept], ends[kept])
    columns = columns_of(plain, len(lines), layout)
    if careful:
        lines, at, columns = _add(careful, lines, at, columns, text, layout)
    return Table(lines, columns, rejections, lambda row: raw_text(text[at[0][row] : at[1][row]]))


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


def _add(
    careful: list[tuple[int, int, int]], lines: Lines, at: Places, columns: Columns, text: bytes, layout: Layout
) -> tuple[Lines, Places, Columns]:
    """Put the records that were read one by one where they belong."""
    records = [fields_of(line_to_text(text[start:end], layout.encoding), layout.delimiter) for _, start, end in careful]
    more, starts, ends = np.array(careful, np.intp).T
    lines = np.concatenate((lines, more))
    order = np.argsort(lines)
    columns = {
        field: pa.concat_arrays([columns[field], added]).take(pa.array(order))
        for field, added in texts_of(records, layout).items()
    }
    return lines[order], (np.concatenate((at[0], starts))[order], np.concatenate((at[1], ends))[order]), columns
