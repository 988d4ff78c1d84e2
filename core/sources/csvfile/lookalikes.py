"""Files that are not CSV at all, told by their first bytes."""

from __future__ import annotations

from core.sources.csvfile.refused import Refused

_FORMATS = (
    (b"PK\x03\x04", "is a spreadsheet or zip archive; save the table as CSV."),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook; save the table as CSV."),
    (b"\x1f\x8b", "is compressed with gzip; unpack it first."),
    (b"BZh", "is compressed with bzip2; unpack it first."),
    (b"\xfd7zXZ", "is compressed with xz; unpack it first."),
    (b"(\xb5/\xfd", "is compressed with zstd; unpack it first."),
    (b"%PDF", "is a PDF document; export the table as CSV."),
    (b"PAR1", "is a Parquet file; export the table as CSV."),
    (b"SQLite format 3", "is an SQLite database; export the table as CSV."),
)
_MARKUP = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script")
_LAYOUT_CONTROLS = b"\t\n\r\f\x1a"  # a last 0x1a is how DOS ended files
_CONTROLS = bytes(byte for byte in range(32) if byte not in _LAYOUT_CONTROLS)


def refuse_formats(head: bytes) -> None:
    """Raise Refused for a file whose raw first bytes are those of a known other format, or for none at all."""
    if not head.strip(b" \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise Refused("is empty; it needs a header line and rows of quotes.")
    for mark, reason in _FORMATS:
        if head.startswith(mark):
            raise Refused(reason)


def refuse_text_that_is_no_table(text: bytes) -> None:
    """Raise Refused for a beginning (in UTF-8) that is binary, HTML, XML or JSON."""
    if not text.strip():
        raise Refused("is empty; it needs a header line and rows of quotes.")
    controls = len(text) - len(text.translate(None, _CONTROLS))
    if controls > 0.02 * len(text):  # a stray NUL in a row is that row's trouble; a file full of them isn't text
        raise Refused("is a binary file, not CSV text.")
    start = text.lstrip()[:256].lower()
    if start.startswith(_MARKUP):
        raise Refused("is an HTML page, not a CSV file; perhaps a download link gave a web page.")
    if start.startswith((b"<?xml", b"<")):
        raise Refused("is XML, not a CSV file.")
    if start.startswith((b"{", b"[")):
        raise Refused("is JSON, not a CSV file.")
