"""What a job for a source, or for all of them, consists of."""

from __future__ import annotations

from core.sources import SOURCES
from db.jobs import TaskOrder

ALL = "all"


def order(source: str, limit: int | None = None) -> TaskOrder:
    """A fetch of as many coins as asked for, or as many as the source gives unasked. Raises KeyError."""
    limit = limit or SOURCES[source].default_limit
    return TaskOrder(source, {} if limit is None else {"limit": limit})


def orders_of(kind: str, limit: int | None = None) -> list[TaskOrder]:
    """The fetches of a job of this kind: a source's name, or ALL. Raises KeyError."""
    return [order(source, limit if SOURCES[source].default_limit else None) for source in sources_of(kind)]


def sources_of(kind: str) -> list[str]:
    return list(SOURCES) if kind == ALL else [kind]
