"""Lines that are a record each as columns of text: by Arrow's reader, by pandas' where that one reads otherwise.

Both make columns without an object a cell. They agree on everything but blanks before a quote, which are no part of a
field here, and a carriage return that doesn't end a line; there pandas can be told what is meant.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from core.sources.csvfile.layout import Layout
from core.sources.csvfile.records import fields_of

Columns: TypeAlias = dict[str, pa.StringArray]

_NOT_FOR_ARROW = re.compile(rb' "|\r(?!\n)')
_UNKNOWN = [""]


def columns_of(plain: bytes, rows: int, layout: Layout) -> Columns:
    """The columns of `layout`, null where a cell is empty. `plain` has `rows` lines, each as wide as the layout."""
    if not rows:
        return {field: pa.array([], pa.string()) for field in layout.columns}
    for read in (_by_arrow, _by_pandas):
        try:
            columns = read(plain, layout)
        except (ValueError, OverflowError, pd.errors.ParserError):
            continue  # the readers have limits of their own; the slow way has none
        if columns and all(len(column) == rows for column in columns.values()):
            return columns
    return texts_of([fields_of(line.decode(), layout.delimiter) for line in plain.split(b"\n")[:-1]], layout)


def texts_of(records: list[list[str]], layout: Layout) -> Columns:
    """The same of records that were read one by one."""
    return {
        field: pa.array([record[place] or None for record in records], pa.string())
        for field, place in layout.columns.items()
    }


def _by_arrow(plain: bytes, layout: Layout) -> Columns:
    quoted = b'"' in plain
    if (quoted or b"\r" in plain) and _NOT_FOR_ARROW.search(plain):
        return {}
    names = [str(place) for place in range(layout.width)]
    table = pa.csv.read_csv(
        pa.BufferReader(plain),
        pa.csv.ReadOptions(use_threads=False, block_size=len(plain) + 1, column_names=names),
        pa.csv.ParseOptions(delimiter=layout.delimiter, quote_char='"' if quoted else False, ignore_empty_lines=False),
        pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=sorted({str(place) for place in layout.columns.values()}),
            null_values=_UNKNOWN,
            strings_can_be_null=True,
        ),
    )
    return {field: table.column(str(place)).combine_chunks() for field, place in layout.columns.items()}


def _by_pandas(plain: bytes, layout: Layout) -> Columns:
    frame = pd.read_csv(
        BytesIO(plain),
        header=None,
        names=list(range(layout.width)),
        index_col=False,
        usecols=sorted(set(layout.columns.values())),
        dtype=str,
        keep_default_na=False,
        na_values=_UNKNOWN,
        sep=layout.delimiter,
        lineterminator="\n",
        skipinitialspace=True,
        skip_blank_lines=False,
        low_memory=False,
        engine="c",
    )
    return {field: pa.array(frame[place]).cast(pa.string()) for field, place in layout.columns.items()}
