"""The Postgres and Valkey that `make run` keeps on this machine, for commands whose settings name no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.settings import Settings

FOLDER = Path(__file__).parent.parent / ".local"


def filled_in(settings: Settings, folder: Path) -> Settings:
    """The same settings, with the embedded services where DATABASE_URL or REDIS_URL is unset and they were started."""
    if settings.database_url and settings.redis_url:
        return settings
    try:
        from local.postgres import Postgres
        from local.valkey import Valkey
    except ImportError:  # what is deployed brings no services along
        return settings
    return replace(
        settings,
        database_url=settings.database_url or Postgres(folder / "postgres").url_of_last_run(),
        redis_url=settings.redis_url or Valkey(folder / "valkey").url_of_last_run(),
    )
