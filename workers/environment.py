"""The settings that a worker runs by."""

from __future__ import annotations

import os

from dotenv import dotenv_values

from core.errors import BadSettings
from core.settings import Settings
from core.sources import check_names


def settings_from_environment() -> Settings:
    """Read the environment, and a file `.env` for what it doesn't set. Raises BadSettings."""
    settings = Settings.from_env({**{name: value or "" for name, value in dotenv_values().items()}, **os.environ})
    if settings.database_url is None or settings.redis_url is None:
        raise BadSettings("DATABASE_URL and REDIS_URL must be set for a worker.")
    check_names(settings)
    return settings
