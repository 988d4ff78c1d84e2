"""Which coin each id was taken for, for people to look at. JSON text made by Postgres; nothing is changed here."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from db.pool import Connection
from db.queries import sql

MATCHED_BY = ("registry", "manual", "symbol+name", "new")


@dataclass(frozen=True, slots=True)
class MappingQuery:
    """Which mappings. `canonical_id` may be one given up; `ambiguous` None means either."""

    page: int
    page_size: int
    source: str | None = None
    source_id: str | None = None
    canonical_id: str | None = None
    matched_by: str | None = None
    ambiguous: bool | None = None


def page_of_mappings(connection: Connection, query: MappingQuery) -> str:
    """A page in the list's envelope, sorted by source and id."""
    values = {**asdict(query), "offset": (query.page - 1) * query.page_size}
    row = connection.execute(sql("page_of_mappings"), values).fetchone()
    return str(row[0]) if row else "null"


def one_mapping(connection: Connection, source: str, source_id: str) -> str | None:
    """One mapping, or None."""
    row = connection.execute(sql("one_mapping"), {"source": source, "source_id": source_id}).fetchone()
    return None if row is None else str(row[0])


def redirect_of(connection: Connection, canonical_id: str) -> str | None:
    """The coin that an id given up leads to; None when it is none."""
    row = connection.execute(sql("redirect_of"), {"canonical_id": canonical_id}).fetchone()
    return None if row is None else str(row[0])
