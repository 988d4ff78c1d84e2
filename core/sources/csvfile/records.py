"""Where one record ends and the next begins.

A record is a line, save that a quoted field may hold line ends. A field is quoted when its first character (after
spaces) is `"`; in it `""` stands for one quote, and its closing quote is followed by a delimiter or a line end. Quotes
inside an unquoted field are letters like any other.

A quote that opens and isn't closed so is stray: it costs its own line and nothing more. It is taken for stray too when
it would swallow too much (MOST_QUOTED bytes), make a record of another width than the header's, or swallow a line
that looks like a record itself. So the rules never depend on where a file was cut, as long as cuts are made here.

Text is UTF-8 with a line feed for its line end; a carriage return before it is blank space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

LONGEST_RECORD = 65536  # bytes; the longest real row seen has 1,000
MOST_QUOTED = 16384  # bytes of a record of several lines


class Kind(Enum):
    PLAIN = "lines that are a record each"
    WHOLE = "one record that needs care: quotes inside a field, or several lines"
    STRAY = "one line with a stray quote"
    OPEN = "the beginning of a line whose end isn't there"


class Span(NamedTuple):
    start: int
    end: int  # behind the line end
    kind: Kind


class _Patterns(NamedTuple):
    lines: re.Pattern[bytes]
    record: re.Pattern[bytes]
    field: re.Pattern[str]


@lru_cache(maxsize=8)
def _patterns(delimiter: str) -> _Patterns:
    """Nothing is tried twice, so that time stays linear whatever the bytes are.

    Groups are repeated in an atomic group: before 3.11.5 Python lost matches with a possessive quantifier behind one
    (https://github.com/python/cpython/issues/106052), and Debian 12 has 3.11.2.
    """
    mark = re.escape(delimiter).encode()
    tidy = rb'(?: *+"[^"\n]*+(?>(?:""[^"\n]*+)*)"[ \r]*+|[^"' + mark + rb"\n]*+)"
    loose = rb'(?: *+"[^"]*+(?>(?:""[^"]*+)*)"[ \r]*+|(?! *")[^' + mark + rb"\n]*+)"
    sign = re.escape(delimiter)
    return _Patterns(
        re.compile(rb"(?>(?:" + tidy + rb"(?>(?:" + mark + tidy + rb")*)\n)*)"),
        re.compile(loose + rb"(?>(?:" + mark + loose + rb")*)\n"),
        re.compile(rf' *+"([^"]*+(?>(?:""[^"]*+)*))"[ \r]*+(?={sign}|\Z)|([^{sign}]*+)'),
    )


def spans(text: bytes, delimiter: str, width: int, start: int = 0) -> Iterator[Span]:
    """Cut `text` from `start`, where a record begins, into spans without a gap.

    `width` is how many fields the header has. The last line is OPEN when it has no line end.
    """
    patterns = _patterns(delimiter)
    at = start
    if b'"' not in text:
        at = max(start, text.rfind(b"\n") + 1)
        if at > start:
            yield Span(start, at, Kind.PLAIN)
    while at < len(text):
        matched = patterns.lines.match(text, at)
        end = matched.end() if matched else at
        if end > at:
            yield Span(at, end, Kind.PLAIN)
            at = end
        if at < len(text):
            span = _with_care(text, at, delimiter, width)
            yield span
            at = span.end


def _with_care(text: bytes, at: int, delimiter: str, width: int) -> Span:
    line_end = text.find(b"\n", at) + 1
    record = _patterns(delimiter).record.match(text, at, max(line_end, at + MOST_QUOTED))
    if record is None:
        return Span(at, line_end, Kind.STRAY) if line_end else Span(at, len(text), Kind.OPEN)
    if record.end() > line_end and not _belongs_together(record.group(), delimiter, width):
        return Span(at, line_end, Kind.STRAY)
    return Span(at, record.end(), Kind.WHOLE)


def _belongs_together(record: bytes, delimiter: str, width: int) -> bool:
    if len(fields_of(record.decode(errors="replace"), delimiter)) != width:
        return False
    mark = delimiter.encode()
    return all(line.count(mark) != width - 1 for line in record.split(b"\n")[1:-2])


def fields_of(record: str, delimiter: str) -> list[str]:
    """The fields of one record (not a stray line), without their quotes, not stripped."""
    pattern = _patterns(delimiter).field
    record = record.removesuffix("\n")
    fields = []
    at = 0
    while match := pattern.match(record, at):
        quoted, plain = match.groups()
        fields.append(plain if quoted is None else quoted.replace('""', '"'))
        at = match.end() + 1
        if at > len(record):
            break
    return fields


def first_record(text: bytes, at: int, delimiter: str) -> int:
    """Where the record that begins at `at` ends; with a stray quote in it, where its line does."""
    record = _patterns(delimiter).record.match(text, at, at + MOST_QUOTED)
    if record is not None:
        return record.end()
    return text.find(b"\n", at) + 1 or len(text)
