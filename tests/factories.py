"""Rows for tests, written straight into the tables, with sensible values for whatever a test doesn't name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql as compose

from db import version

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Factory:
    """Writes rows through a connection of its own, each visible at once."""

    def __init__(self, database_url: str) -> None:
        self.connection = psycopg.connect(database_url, autocommit=True)

    def coin(self, canonical_id: str, **values: object) -> int:
        """A golden record; its key. Figures may be given as text, to be stored digit for digit."""
        row = {
            "canonical_id": canonical_id,
            "symbol": canonical_id.upper(),
            "name": canonical_id.capitalize(),
            "price": "1",
            "source": "csv",
            "last_updated": NOON,
            "time_assumed": False,
            "provenance": json.dumps({"price": "csv"}),
            **values,
        }
        return self._insert("cryptocurrencies", row, "coin_key")

    def quote(self, coin_key: int, source: str, source_id: str, **values: object) -> int:
        """A mapping and its latest quote; the mapping's key. `relation` and `matched_by` go to the mapping."""
        mapping = {
            "source": source,
            "source_id": source_id,
            "coin_key": coin_key,
            "symbol": source_id,
            "name": source_id,
            "symbol_key": source_id,
            "name_key": source_id,
            "relation": values.pop("relation", "same"),
            "matched_by": values.pop("matched_by", "new"),
        }
        key = self._insert("source_mappings", mapping, "mapping_key")
        row = {
            "mapping_key": key,
            "price": "1",
            "observed_at": NOON,
            "time_assumed": False,
            "fetched_at": NOON,
            **values,
        }
        self._insert("quotes", row, "mapping_key")
        return key

    def job(self, kind: str = "csv", state: str = "succeeded", **values: object) -> int:
        """A job; its id. One that has ended gets the times of that."""
        ended = state not in ("queued", "running")
        row = {
            "kind": kind,
            "state": state,
            "created_at": NOON,
            "started_at": None if state == "queued" else NOON,
            "finished_at": NOON if ended else None,
            "stored": 0 if ended else None,
            **values,
        }
        return self._insert("jobs", row, "id")

    def task(
        self,
        job_id: int,
        source: str = "csv",
        kind: str = "fetch",
        state: str = "succeeded",
        errors: Sequence[Mapping[str, Any]] = (),
        **values: object,
    ) -> int:
        """A task; its id."""
        row = {
            "job_id": job_id,
            "source": source,
            "kind": kind,
            "state": state,
            "max_attempts": 4,
            "attempt": 0 if state == "queued" else 1,
            "fence": 0 if state == "queued" else 1,
            "lease_until": datetime(2100, 1, 1, tzinfo=UTC) if state == "running" else None,
            "started_at": None if state == "queued" else NOON,
            "finished_at": None if state in ("queued", "running") else NOON,
            "errors": json.dumps(errors),
            **values,
        }
        return self._insert("tasks", row, "id")

    def rejection(self, task_id: int, row: int, reason: str, raw: str = "x,y") -> None:
        self._insert("rejections", {"task_id": task_id, "row": row, "reason": reason, "raw": raw}, "row")

    def worker(self, name: str, *, seconds_ago: int = 0) -> None:
        self.connection.execute(
            "INSERT INTO workers (id, seen_at) VALUES (%s, now() - %s * interval '1 second')", [name, seconds_ago]
        )

    def value(self, query: LiteralString) -> Any:
        """The one value that a query gives."""
        row = self.connection.execute(query).fetchone()
        assert row is not None
        return row[0]

    def _insert(self, table: str, row: Mapping[str, object], key: str) -> int:
        statement = compose.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING {}").format(
            compose.Identifier(table),
            compose.SQL(", ").join(map(compose.Identifier, row)),
            compose.SQL(", ").join(compose.Placeholder() for _ in row),
            compose.Identifier(key),
        )
        made = self.connection.execute(statement, list(row.values())).fetchone()
        assert made is not None
        version.advance(self.connection)
        return int(made[0])
