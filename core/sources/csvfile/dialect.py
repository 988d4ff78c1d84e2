"""What parts lines and fields, and where the header is."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from core.sources.csvfile.headers import recognised
from core.sources.csvfile.records import fields_of, first_record
from core.sources.csvfile.refused import Refused

DELIMITERS = (",", ";", "\t", "|")
_MOST_COLUMNS = 1000
_SPREADSHEET_HINT = re.compile(rb"sep=([,;\t|])[ \r]*\n")  # a first line that Excel writes for itself


class Header(NamedTuple):
    delimiter: str
    names: tuple[str, ...]
    start: int  # where the header begins in the text
    end: int  # and where the first row does


def ends_in_cr(text: bytes) -> bool:
    """Whether lines end in a carriage return alone, as on old Macs. CR LF and CR CR LF end in a line feed."""
    return len(re.findall(rb"\r(?![\r\n])", text)) > text.count(b"\n")


def find_header(text: bytes, wanted: Collection[str]) -> Header:
    """The first line that isn't blank, cut by the delimiter that makes the most sense of it.

    That is the one by which most names mean a field (or are `wanted` by the client), then the one with most names.
    Raises Refused when there is no line, or an absurd one.
    """
    hint = _SPREADSHEET_HINT.match(text)
    start = hint.end() if hint else 0
    start += len(text[start:]) - len(text[start:].lstrip(b" \r\n"))
    choices = (hint[1].decode(),) if hint else DELIMITERS
    headers = [_cut(text, start, delimiter) for delimiter in choices]
    best = max(headers, key=lambda header: (_sense(header.names, wanted), len(header.names)))
    if len(best.names) > _MOST_COLUMNS:
        raise Refused(f"has {len(best.names)} columns; a file of quotes has at most {_MOST_COLUMNS}.")
    return best


def _cut(text: bytes, start: int, delimiter: str) -> Header:
    end = first_record(text, start, delimiter)
    # NUL can't be stored, and names go into notes and sentences.
    names = fields_of(text[start:end].decode(errors="replace").replace("\0", "\ufffd"), delimiter)
    return Header(delimiter, tuple(" ".join(name.split()) for name in names), start, end)


def _sense(names: tuple[str, ...], wanted: Collection[str]) -> int:
    return recognised(list(names)) + sum(name in wanted for name in names)
