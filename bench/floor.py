"""The floor: what Postgres itself takes for the same outcome. One connection, COPY, set-based merges, nothing else.

It knows the file's columns by heart, checks nothing, keeps neither the upload nor a raw batch, knows no registry of
coins, no second source, no jobs and no leases. What it leaves in the four tables is what the program leaves there.
`python -m bench.floor FILE.csv`, with DATABASE_URL naming a migrated database.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import psycopg

from bench.contender import contend

# Lines a COPY and its merges. Tried from 20,000, which is three times as slow, to the whole file, a tenth faster.
LINES = 200_000

# Enough to sort a chunk in memory.
_WORK_MEMORY = "SET work_mem = '64MB'"
_INCOMING = """
CREATE TEMPORARY TABLE incoming (
    symbol text, name text, price numeric, market_cap numeric, volume_24h numeric, price_change_24h numeric,
    observed_at timestamptz,
    source_id text GENERATED ALWAYS AS (lower(symbol) || '-' || replace(lower(name), ' ', '-')) STORED
) ON COMMIT DELETE ROWS
"""
_COPY = """
COPY incoming (symbol, name, price, market_cap, volume_24h, price_change_24h, observed_at) FROM STDIN (FORMAT csv)
"""
_NEWCOMERS = """
WITH newcomers AS MATERIALIZED (
    SELECT DISTINCT ON (i.source_id) i.source_id, lower(i.symbol) AS canonical_id, i.symbol, i.name
    FROM incoming i
    WHERE NOT EXISTS (SELECT FROM source_mappings m WHERE m.source = 'csv' AND m.source_id = i.source_id)
    ORDER BY i.source_id
), coins AS (
    INSERT INTO cryptocurrencies (canonical_id, symbol, name) SELECT canonical_id, symbol, name FROM newcomers
    RETURNING coin_key, canonical_id
)
INSERT INTO source_mappings (source, source_id, coin_key, symbol, name, symbol_key, name_key, relation, matched_by)
SELECT 'csv', n.source_id, c.coin_key, n.symbol, n.name, n.canonical_id, replace(lower(n.name), ' ', ''), 'same', 'new'
FROM newcomers n JOIN coins c USING (canonical_id)
"""
_HISTORY = """
INSERT INTO price_history (mapping_key, observed_at, time_assumed, price, market_cap, volume_24h)
SELECT m.mapping_key, i.observed_at, false, i.price, i.market_cap, i.volume_24h
FROM incoming i JOIN source_mappings m ON m.source = 'csv' AND m.source_id = i.source_id
ORDER BY m.mapping_key, i.observed_at
ON CONFLICT (mapping_key, observed_at) DO NOTHING
"""
_LATEST = """
WITH newer AS (
    INSERT INTO quotes AS q (mapping_key, price, market_cap, volume_24h, price_change_24h, observed_at, time_assumed,
                             fetched_at)
    SELECT DISTINCT ON (m.mapping_key) m.mapping_key, i.price, i.market_cap, i.volume_24h, i.price_change_24h,
           i.observed_at, false, now()
    FROM incoming i JOIN source_mappings m ON m.source = 'csv' AND m.source_id = i.source_id
    ORDER BY m.mapping_key, i.observed_at DESC
    ON CONFLICT (mapping_key) DO UPDATE
    SET price = excluded.price, market_cap = excluded.market_cap, volume_24h = excluded.volume_24h,
        price_change_24h = excluded.price_change_24h, observed_at = excluded.observed_at,
        fetched_at = excluded.fetched_at
    WHERE excluded.observed_at > q.observed_at
    RETURNING mapping_key, price, market_cap, volume_24h, price_change_24h, observed_at
)
UPDATE cryptocurrencies c
SET price = q.price, market_cap = q.market_cap, volume_24h = q.volume_24h, price_change_24h = q.price_change_24h,
    source = 'csv', last_updated = q.observed_at, time_assumed = false,
    provenance = '{"price": "csv", "market_cap": "csv", "volume_24h": "csv", "price_change_24h": "csv"}'
FROM newer q JOIN source_mappings m USING (mapping_key)
WHERE c.coin_key = m.coin_key
"""
_MERGES = (_NEWCOMERS, _HISTORY, _LATEST)


def load(connection: psycopg.Connection, path: Path, lines: int = LINES) -> int:
    """Bring the file in, a transaction every so many lines; how many lines there were."""
    connection.execute(_WORK_MEMORY)
    connection.execute(_INCOMING)
    loaded = 0
    with path.open("rb") as file:
        file.readline()
        for chunk in iter(lambda: list(islice(file, lines)), []):
            with connection.transaction():
                _copy(connection, chunk)
                for merge in _MERGES:
                    connection.execute(merge)
            loaded += len(chunk)
    return loaded


def _copy(connection: psycopg.Connection, chunk: list[bytes]) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for block in _blocks(chunk):
            copy.write(block)
    connection.execute("ANALYZE incoming (source_id)")


def _blocks(chunk: list[bytes], lines: int = 2_000) -> Iterator[bytes]:
    """Enough at a time to keep the connection busy, not a message a line."""
    for start in range(0, len(chunk), lines):
        yield b"".join(chunk[start : start + lines])


def main(path: Path, lines: int) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        contend(lambda: {"rows": load(connection, path, lines)})


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else LINES)
