"""Logging for web and workers: one line a record, for people (text) or machines (json), never with a secret in it."""

from __future__ import annotations

import json
import logging
import logging.config
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any
from urllib.parse import SplitResult, unquote, unquote_plus, urlsplit

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from core.settings import Settings

_TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s%(bound)s"
_JSON = "%(asctime)s %(levelname)s %(name)s %(message)s"
_RESERVED = [*RESERVED_ATTRS, "taskName", "context", "bound"]
# Striking out a shorter word would garble every line and hide nothing.
_SHORTEST_SECRET = 4
# Long, and of use to machines alone.
_NOT_FOR_PEOPLE = ("trace_id", "span_id")
_bound: ContextVar[dict[str, object]] = ContextVar("bound", default={})  # noqa: B039  never changed in place


class Bound:
    """Names what a block is about, as `bound` says."""

    __slots__ = ("_token", "_values")

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def __enter__(self) -> None:
        self._token = _bound.set({**_bound.get(), **self._values})

    def __exit__(self, *_: object) -> None:
        _bound.reset(self._token)


def bound(**values: object) -> Bound:
    """Name what a block is about; every record of it then says so, such as `job=7 task=12`."""
    return Bound(values)


def binding() -> Mapping[str, object]:
    """What is bound now."""
    return _bound.get()


def configure(settings: Settings) -> None:
    """Set the process's logging up by LOG_FORMAT and LOG_LEVEL. Records go to stderr, as PaaS platforms expect."""
    level = settings.log_level.upper()
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "text": {"()": Text, "fmt": _TEXT, "secrets": secrets_of(settings)},
                "json": {"()": Machine, "fmt": _JSON, "secrets": secrets_of(settings)},
            },
            "filters": {"context": {"()": Context}},
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": settings.log_format,
                    "filters": ["context"],
                }
            },
            "root": {"level": level, "handlers": ["stderr"]},
            # Their lines at info name every URL and message; a key may be among the parameters.
            "loggers": {name: {"level": "WARNING"} for name in ("urllib3", "psycopg", "dramatiq")},
        }
    )


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Everything in the settings that must never be seen, in each spelling it may turn up in; longest first."""
    plain = [key.secret for key in settings.api_keys]
    plain += [settings.coingecko_api_key, settings.coinpaprika_api_key, settings.secret_key]
    for url in (settings.database_url, settings.redis_url, settings.smtp_url):
        for password in _passwords(urlsplit(url or "")):
            plain += [password, unquote(password), unquote_plus(password)]
    spelled = {
        spelling
        for secret in plain
        if len(secret) >= _SHORTEST_SECRET
        for spelling in (secret, json.dumps(secret)[1:-1])
    }
    return tuple(sorted(spelled, key=len, reverse=True))


def _passwords(url: SplitResult) -> Iterator[str]:
    """Before the host, and in the query by names such as password and sslpassword; spelled as they are there."""
    yield url.password or ""
    for part in url.query.split("&"):
        name, _, value = part.partition("=")
        if "password" in unquote(name).lower():
            yield value


class Context(logging.Filter):
    """Gives each record what is bound at the time."""

    def filter(self, record: logging.LogRecord) -> bool:
        values = _bound.get()
        record.context = values
        record.bound = "".join(f" {key}={value}" for key, value in values.items() if key not in _NOT_FOR_PEOPLE)
        return True


class Text(logging.Formatter):
    """A line for people. Secrets are struck from the finished text, so that a traceback can't leak one either."""

    def __init__(self, fmt: str, secrets: Sequence[str]) -> None:
        super().__init__(fmt)
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return _struck(super().format(record), self._secrets)


class Machine(JsonFormatter):
    """A JSON object a line, with the same care."""

    def __init__(self, fmt: str, secrets: Sequence[str]) -> None:
        super().__init__(
            fmt, rename_fields={"asctime": "at", "levelname": "level", "name": "logger"}, reserved_attrs=_RESERVED
        )
        self._secrets = secrets

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        log_data.update(getattr(record, "context", {}))

    def format(self, record: logging.LogRecord) -> str:
        return _struck(super().format(record), self._secrets)


def _struck(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
