"""What a job for a source, or for all of them, consists of."""

from __future__ import annotations

from collections.abc import Mapping

from core.settings import Settings
from core.sources import SOURCES
from db.jobs import TaskOrder

ALL = "all"


def order(source: str, limit: int | None = None) -> TaskOrder:
    """A fetch of as many coins as asked for, or as many as the source gives unasked. Raises KeyError."""
    limit = limit or SOURCES[source].default_limit
    return TaskOrder(source, {} if limit is None else {"limit": limit})


def orders_of(kind: str, settings: Settings, limit: int | None = None) -> list[TaskOrder]:
    """The fetches of a job of this kind: a source's name, or ALL. Raises KeyError."""
    return [order(source, limit if SOURCES[source].default_limit else None) for source in sources_of(kind, settings)]


def orders_of_all(settings: Settings, limits: Mapping[str, int | None]) -> list[TaskOrder]:
    """The fetches of a job for ALL; `limits` are by `<source>_limit`."""
    return [order(source, limits.get(f"{source}_limit")) for source in sources_of(ALL, settings)]


def sources_of(kind: str, settings: Settings) -> list[str]:
    """In the order of the registry, whichever way ALL_SOURCES has them."""
    return [source for source in SOURCES if source in settings.all_sources] if kind == ALL else [kind]
