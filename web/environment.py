"""The settings that a web process runs by."""

from __future__ import annotations

import os

from dotenv import dotenv_values

from core.errors import BadSettings
from core.settings import Settings
from core.sources import check_names


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
