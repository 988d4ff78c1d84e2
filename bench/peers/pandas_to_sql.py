"""pandas.read_csv and DataFrame.to_sql: rows appended to one table, no keys, no merging.

`python -m bench.peers.pandas_to_sql FILE.csv`, with DATABASE_URL.
"""

from __future__ import annotations

import os
import sys

import pandas as pd
from sqlalchemy import create_engine

from bench.contender import contend


def main(path: str) -> None:
    engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg2://"))
    with engine.connect():
        pass

    def load() -> dict[str, float]:
        frame = pd.read_csv(path, parse_dates=["last_updated"])
        frame.to_sql("pandas_quotes", engine, if_exists="append", index=False, chunksize=10_000)
        return {"rows": len(frame)}

    contend(load)
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
