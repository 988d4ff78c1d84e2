"""Log lines: for people or machines, and never with a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from core import logs
from core.settings import Settings

SECRETS = {
    "API_KEYS": 'me:admin:quote"d-secret',
    "COINGECKO_API_KEY": "gecko-secret",
    "COINPAPRIKA_API_KEY": "paprika-secret",
    "DATABASE_URL": "postgresql://user:pass%40word@db/quotes",
    "REDIS_URL": "redis://:redis-secret@cache",
}
PLAIN = ['quote"d-secret', "gecko-secret", "paprika-secret", "pass@word", "pass%40word", "redis-secret"]


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    others = {name: logging.getLogger(name).level for name in ("urllib3", "psycopg", "dramatiq")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in others.items():
        logging.getLogger(name).setLevel(before)


def _logged(**environ: str) -> io.StringIO:
    """Set logging up, with its lines in a buffer."""
    logs.configure(Settings.from_env({**SECRETS, **environ}))
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    buffer = io.StringIO()
    handler.setStream(buffer)
    return buffer


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("secret", PLAIN)
def test_no_secret_ever_reaches_a_line(log_format: str, secret: str) -> None:
    lines = _logged(LOG_FORMAT=log_format)
    logger = logging.getLogger("any")
    logger.warning("it was %s", secret, extra={"key": secret})
    with logs.bound(key=secret):
        try:
            raise ValueError(secret)
        except ValueError:
            logger.exception("it failed with %r", secret)
    assert lines.getvalue().count("***") >= 3
    assert secret not in lines.getvalue()
    assert json.dumps(secret)[1:-1] not in lines.getvalue()


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("DATABASE_URL", "postgresql://h/d?user=u&password=in-the%2Bquery"),
        ("DATABASE_URL", "postgresql://u@h/d?sslmode=require&sslpassword=in-the%2Bquery&sslkey=k"),
        ("REDIS_URL", "rediss://h:6380?password=in-the%2Bquery"),
        ("REDIS_URL", "unix:///run/redis.sock?db=0&ssl_password=in-the%2Bquery"),
    ],
)
@pytest.mark.parametrize("secret", ["in-the+query", "in-the%2Bquery"])
def test_a_password_in_a_url_s_query_never_reaches_a_line_either(variable: str, url: str, secret: str) -> None:
    lines = _logged(**{variable: url})
    logging.getLogger("any").warning("it was %s", secret)
    assert lines.getvalue().endswith("it was ***\n")


def test_a_line_says_what_it_is_about() -> None:
    lines = _logged()
    with logs.bound(job=7), logs.bound(task=12):
        logging.getLogger("any").warning("hello")
    logging.getLogger("any").warning("bye")
    hello, bye = lines.getvalue().splitlines()
    assert hello.endswith("any: hello job=7 task=12")
    assert bye.endswith("any: bye")


def test_for_machines_each_line_is_an_object() -> None:
    lines = _logged(LOG_FORMAT="json")
    with logs.bound(request="r1"):
        logging.getLogger("any").error("said %s", "so", extra={"more": 1})
    line = json.loads(lines.getvalue())
    assert line.pop("at")
    assert line == {"level": "ERROR", "logger": "any", "message": "said so", "request": "r1", "more": 1}


@pytest.mark.parametrize(("level", "heard"), [("debug", 3), ("info", 2), ("error", 0)])
def test_the_level_decides_what_is_heard(level: str, heard: int) -> None:
    lines = _logged(LOG_LEVEL=level)
    logger = logging.getLogger("any")
    logger.debug("a")
    logger.info("b")
    logger.warning("c")
    assert len(lines.getvalue().splitlines()) == heard
