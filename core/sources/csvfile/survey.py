"""The one look at a file's beginning in which everything about it is decided, or the file refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from core.models import Json, JsonObject
from core.sources.csvfile.columns import Choice, Chooser
from core.sources.csvfile.dialect import Header, ends_in_cr, find_header
from core.sources.csvfile.encoding import ASCII, UTF_8, encoding_of, length_in_file, line_to_text, to_utf8
from core.sources.csvfile.layout import Layout
from core.sources.csvfile.lookalikes import refuse_formats, refuse_text_that_is_no_table
from core.sources.csvfile.marks import Mark
from core.sources.csvfile.records import Kind, fields_of, spans
from core.sources.csvfile.refused import Refused

BEGINNING = 65536  # bytes that are looked at
_MOST_NAMES = 60  # columns named in the notes


class Survey(NamedTuple):
    layout: Layout
    rows_at: int  # offset in the file of the first record after the header
    rows_line: int  # and its line number


def survey(head: bytes, whole: bool, overrules: Mapping[str, str]) -> Survey:
    """Judge a file by its first BEGINNING bytes; `whole` says that there are no more.

    `overrules` says by field which header's column to take. Raises Refused when the file isn't one of quotes.
    """
    refuse_formats(head)
    encoding, mark_length = encoding_of(head, whole)
    original = to_utf8(head[mark_length:], encoding)
    refuse_text_that_is_no_table(original)
    in_cr = ends_in_cr(original)
    text = original.replace(b"\r", b"\n") if in_cr else original
    if whole and not text.endswith(b"\n"):
        text += b"\n"
    header = find_header(text, set(overrules.values()))
    rows, widths = _rows(text, header, encoding)
    if whole and not widths:
        raise Refused("has a header line but no rows.")
    names = header.names
    if widths and not rows and all(width == len(names) + 1 for width in widths):
        names, rows = _with_trailing_delimiter(text, header, encoding)
    if len(widths) > 2 and not rows:
        raise Refused(f"has {len(names)} columns in its header but {widths[0]} in its rows.")
    choice = Chooser(names, rows, header.delimiter).choose(overrules)
    layout = Layout(
        encoding=encoding,
        delimiter=header.delimiter,
        ends_in_cr=in_cr,
        width=len(names),
        columns=choice.columns,
        marks=choice.marks,
        date_order=choice.date_order,
        pairs=choice.pairs,
        notes=_notes(names, choice, header.delimiter, encoding),
    )
    rows_at = mark_length + length_in_file(original[: header.end], encoding)
    return Survey(layout, rows_at, text.count(b"\n", 0, header.end) + 1)


def _rows(text: bytes, header: Header, encoding: str, width: int = 0) -> tuple[list[list[str]], list[int]]:
    """The rows that are as wide as the header (or `width`), and how wide each row is that isn't blank."""
    width = width or len(header.names)
    widths = []
    rows = []
    for record in _records(text, header, width):
        try:
            fields = fields_of(line_to_text(record, encoding), header.delimiter)
        except ValueError:
            continue  # it will be rejected
        widths.append(len(fields))
        if len(fields) == width and b"\0" not in record:
            rows.append(fields)
    return rows, widths


def _records(text: bytes, header: Header, width: int) -> Iterator[bytes]:
    for start, end, kind in spans(text, header.delimiter, width, header.end):
        if kind is Kind.WHOLE:
            yield text[start:end]
        elif kind is Kind.PLAIN:
            yield from (line for line in text[start:end].split(b"\n") if line.strip())


def _with_trailing_delimiter(text: bytes, header: Header, encoding: str) -> tuple[tuple[str, ...], list[list[str]]]:
    """A delimiter that ends every row but not the header makes one more column, nameless, if it is always empty."""
    rows, _ = _rows(text, header, encoding, len(header.names) + 1)
    return (header.names, []) if any(row[-1].strip() for row in rows) else ((*header.names, ""), rows)


def _notes(names: tuple[str, ...], choice: Choice, delimiter: str, encoding: str) -> JsonObject:
    used = set(choice.columns.values())
    marks = {name: mark.value for name, mark in choice.marks.items() if mark in (Mark.COMMA, Mark.NONE)}
    more: dict[str, Json] = {
        "passed_over": dict(list(choice.passed_over.items())[:_MOST_NAMES]),
        "decimal_marks": marks,
        "dates": choice.date_order,
    }
    return {
        "columns": {name: names[place][:100] for name, place in choice.columns.items()},
        "ignored": [name[:100] for place, name in enumerate(names) if place not in used and name][:_MOST_NAMES],
        "delimiter": delimiter,
        "encoding": UTF_8 if encoding == ASCII else encoding,
        **{key: value for key, value in more.items() if value},
    }
