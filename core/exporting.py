"""Rows of stored data as a file: CSV, JSON lines or Parquet, piece by piece, with the digits that are stored.

A figure comes as text and goes out as that text: as it is in CSV and JSON (where it is a number), as a string in
Parquet, whose decimals have one number of digits a column while prices have anything from 1e-60 to 1e60.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from core.spreadsheet import plain

# What Postgres sends for each kind: figures and JSON as text, whatever they hold; None for unknown.
TEXT, FIGURE, WHOLE, TIME, FLAG, LIST, JSON = "text", "figure", "whole", "time", "flag", "list", "json"

Row = tuple[Any, ...]
Batches = Iterable[Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name, and one of the kinds above."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Format:
    """How a file is written. `pieces` gives some bytes a batch, so that nothing is ever held whole."""

    name: str
    content_type: str
    pieces: Callable[[Sequence[Column], Batches], Iterator[bytes]]


def csv_pieces(columns: Sequence[Column], batches: Batches) -> Iterator[bytes]:
    """RFC 4180 in UTF-8. Text that a spreadsheet would take for a formula has a ' in front; figures stay figures."""
    yield _csv_lines([[column.name for column in columns]])
    cells = [_CELLS[column.kind] for column in columns]
    for rows in batches:
        yield _csv_lines(
            ["" if value is None else cell(value) for cell, value in zip(cells, row, strict=True)] for row in rows
        )


def json_pieces(columns: Sequence[Column], batches: Batches) -> Iterator[bytes]:
    """A JSON object a line (RFC 8259, UTF-8)."""
    fields = [(json.dumps(column.name), _MEMBERS[column.kind]) for column in columns]
    for rows in batches:
        yield "".join(
            "{"
            + ",".join(
                f"{name}:{'null' if value is None else member(value)}"
                for (name, member), value in zip(fields, row, strict=True)
            )
            + "}\n"
            for row in rows
        ).encode()


def parquet_pieces(columns: Sequence[Column], batches: Batches) -> Iterator[bytes]:
    """A row group a batch. Figures are strings, times microseconds in UTC."""
    # Imported here since few exports need it, and it takes 50 MB.
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    types = {
        WHOLE: arrow.int64(),
        TIME: arrow.timestamp("us", tz="UTC"),
        FLAG: arrow.bool_(),
        LIST: arrow.list_(arrow.string()),
    }
    schema = arrow.schema([(column.name, types.get(column.kind, arrow.string())) for column in columns])
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for rows in batches:
            arrays = [
                arrow.array(values, each.type) for each, values in zip(schema, zip(*rows, strict=True), strict=True)
            ]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
            yield sink.taken()
    yield sink.taken()


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        each.name: each
        for each in (
            Format("csv", "text/csv; charset=utf-8", csv_pieces),
            Format("jsonl", "application/jsonl", json_pieces),
            Format("parquet", "application/vnd.apache.parquet", parquet_pieces),
        )
    }
)


class _Sink(io.RawIOBase):
    """Takes what a writer writes, until it is taken on."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()
        self._before = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        return len(data)

    def tell(self) -> int:
        return self._before + len(self._held)

    def taken(self) -> bytes:
        piece = bytes(self._held)
        self._before += len(piece)
        self._held.clear()
        return piece


def _csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows(rows)
    return lines.getvalue().encode()


def _number(digits: str) -> str:
    # NaN and Infinity, which JSON knows no numbers for.
    return digits if digits[-1].isdigit() else json.dumps(digits)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _isoformat(moment: datetime) -> str:
    return moment.isoformat()


_CELLS: Mapping[str, Callable[[Any], str]] = {
    TEXT: plain,
    FIGURE: str,
    WHOLE: str,
    TIME: _isoformat,
    FLAG: lambda flag: "true" if flag else "false",
    LIST: lambda words: plain(" ".join(words)),
    JSON: str,
}
_MEMBERS: Mapping[str, Callable[[Any], str]] = {
    TEXT: _text,
    FIGURE: _number,
    WHOLE: str,
    TIME: lambda moment: f'"{moment.isoformat()}"',
    FLAG: lambda flag: "true" if flag else "false",
    LIST: _text,
    JSON: str,
}
