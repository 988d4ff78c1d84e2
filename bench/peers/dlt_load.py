"""dlt into Postgres: rows appended to one table, no merging.

`python -m bench.peers.dlt_load arrow FILE.csv` yields Arrow tables and has them loaded as CSV by COPY, as its page on
Postgres advises; `rows` yields dictionaries, a page of them at a time, and leaves the rest to its defaults.
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

# Before dlt is imported: it would report its use to its makers.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"

import dlt
import pyarrow.csv

from bench.contender import contend

_PAGE = 10_000


def arrow(path: str) -> Iterator[object]:
    with pyarrow.csv.open_csv(path) as batches:
        yield from batches


def rows(path: str) -> Iterator[list[dict[str, str]]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        yield from iter(lambda: list(islice(reader, _PAGE)), [])


def main(way: str, path: str) -> None:
    with tempfile.TemporaryDirectory(prefix="crypto-quotes-dlt-") as folder:
        pipeline = dlt.pipeline(
            pipeline_name="quotes",
            pipelines_dir=folder,
            destination=dlt.destinations.postgres(os.environ["DATABASE_URL"]),
            dataset_name="loaded",
        )
        source = dlt.resource({"arrow": arrow, "rows": rows}[way](path), name="quotes", write_disposition="append")

        def load() -> dict[str, float]:
            told = pipeline.run(source, loader_file_format="csv" if way == "arrow" else None)
            told.raise_on_failed_jobs()
            return {"rows": pipeline.last_trace.last_normalize_info.row_counts["quotes"]}

        contend(load)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
