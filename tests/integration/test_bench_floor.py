"""The floor is honest: what it leaves in the tables is what the program leaves there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from bench import floor
from core.registry import Registry
from core.sample import lines
from db import quotes
from tests.unit.csv_reading import read

_COINS, _TIMES = 40, 5
# Everything but keys, who decided which coin it is, and when we asked.
_LEFT = {
    "golden": """
        SELECT canonical_id, symbol, name, price, market_cap, volume_24h, price_change_24h, source, last_updated,
               time_assumed, flags, provenance
        FROM cryptocurrencies ORDER BY canonical_id""",
    "mappings": "SELECT source, source_id, symbol, name, relation FROM source_mappings ORDER BY source_id",
    "quotes": """
        SELECT m.source_id, q.price, q.market_cap, q.volume_24h, q.price_change_24h, q.observed_at, q.time_assumed,
               q.flags
        FROM quotes q JOIN source_mappings m USING (mapping_key) ORDER BY m.source_id""",
    "history": """
        SELECT m.source_id, h.observed_at, h.time_assumed, h.price, h.market_cap, h.volume_24h
        FROM price_history h JOIN source_mappings m USING (mapping_key) ORDER BY m.source_id, h.observed_at""",
}


def _left(connection: psycopg.Connection[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    return {name: connection.execute(query).fetchall() for name, query in _LEFT.items()}


def test_the_floor_stores_what_the_program_stores(database_url: str, tmp_path: Path) -> None:
    # Given a file, merged by the program's own functions
    text = "".join(lines(_COINS, _TIMES, seed=1))
    file = tmp_path / "sample.csv"
    file.write_text(text)
    rules = quotes.Rules(Registry(), {"csv": 1}, 3600.0, fold_wrapped=True)
    with psycopg.connect(database_url, autocommit=True) as connection:
        with connection.transaction():
            quotes.store(connection, "csv", read(text).quotes, datetime.now(UTC), rules)
        programs = _left(connection)
        with connection.transaction():
            quotes.clear(connection)
        connection.execute("DROP TABLE IF EXISTS pg_temp.incoming")
        # When the floor loads it, in chunks that cut through the times
        loaded = floor.load(connection, file, lines=33)
        # Then the tables hold the same
        assert loaded == _COINS * _TIMES
        assert _left(connection) == programs
        assert len(programs["history"]) == _COINS * _TIMES
