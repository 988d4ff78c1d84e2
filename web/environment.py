"""The settings that a web process runs by."""

from __future__ import annotations

import os

from dotenv import dotenv_values

from core.errors import BadSettings, Unavailable
from core.settings import Settings
from core.sources import check_names
from db import apikeys
from db.pool import Database


def settings_from_environment() -> Settings:
    """Read the environment, and a file `.env` for what it doesn't set. Raises BadSettings."""
    return checked(Settings.from_env({**{name: value or "" for name, value in dotenv_values().items()}, **os.environ}))


def checked(settings: Settings) -> Settings:
    """The same settings, if web can run by them. Raises BadSettings."""
    for variable, value in (("DATABASE_URL", settings.database_url), ("REDIS_URL", settings.redis_url)):
        if value is None:
            raise BadSettings(f"{variable} must be set for the web application.")
    check_names(settings)
    return settings


def address(settings: Settings) -> str:
    """Where to listen, as gunicorn spells it."""
    host = settings.host.strip("[]")
    return f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"


def refuse_to_be_open(settings: Settings) -> None:
    """Raise BadSettings when the server would be reached from elsewhere, and nobody has a key for it."""
    if settings.listens_on_loopback or settings.api_keys:
        return
    assert settings.database_url  # noqa: S101  checked
    database = Database(settings.database_url, size=1, pooled=settings.pooled)
    try:
        with database.connection() as connection:
            found = apikeys.stored(connection).keys
    except Unavailable:
        raise BadSettings(
            f"HOST is {settings.host} and API_KEYS is not set, so there must be a key in the database; "
            "but that can't be reached now."
        ) from None
    finally:
        database.close()
    if not found:
        raise BadSettings(
            f"API_KEYS must be set, or a key be made in the database, when HOST is {settings.host}: only a server that "
            "listens on loopback alone may be open to anyone."
        )
