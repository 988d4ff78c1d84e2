"""TLS to Postgres and Redis, with certificates that one authority signed: spoken, checked, and refused when wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from redis.exceptions import ConnectionError as NoConnection

import web.limits
import workers.queue
from core.errors import Unavailable
from core.settings import Settings
from db import version
from db.line import Line
from db.migrate import migrate
from db.pool import Database
from local.checks import redis_answers
from local.errors import CannotStart
from local.valkey import Valkey
from tests import tls
from tests.program import Program
from tests.tls import Authority, TlsFront
from tests.waiting import until

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(tls.openssl() is None, reason="openssl isn't installed, which makes the certificates"),
]
WAIT = {"Prefer": "wait=60"}


@pytest.fixture(scope="module")
def authority(service_folder: Path) -> Authority:
    return Authority(service_folder)


@pytest.fixture(scope="module")
def stranger(service_folder: Path) -> Authority:
    return Authority(service_folder, "stranger")


Front = Callable[..., TlsFront]


@pytest.fixture
def front() -> Iterator[Front]:
    with ExitStack() as stack:
        yield lambda *target, **options: stack.enter_context(TlsFront(*target, **options))


def _through(url: str, front: TlsFront, scheme: str, **options: object) -> str:
    parts = urlsplit(url)
    query = "&".join(f"{name}={value}" for name, value in options.items())
    netloc = f"{parts.netloc.rpartition(':')[0]}:{front.port}"
    return urlunsplit(parts._replace(scheme=scheme, netloc=netloc, query=query))


def test_the_main_job_runs_with_tls_to_both(
    database_url: str, own_valkey: Valkey, authority: Authority, front: Front
) -> None:
    ours = authority.certificate("ours")
    postgres = front(urlsplit(database_url).port, ours, postgres=True)
    redis = front(own_valkey.port, ours)
    settings: dict[str, Any] = {
        "REDIS_URL": _through(own_valkey.url, redis, "rediss", ssl_ca_certs=authority.root),
        "RATE_LIMIT_PER_MINUTE": "100000",
    }
    url = _through(database_url, postgres, "postgres", sslmode="verify-full", sslrootcert=authority.root)
    assert migrate(url) == []
    with Program(url, own_valkey, **settings) as program:
        result = program.post("/api/v1/ingest/csv", headers=WAIT).json()
        assert (result["status"], result["count"]) == ("success", 5)
        assert program.get("/api/v1/data").json()["total"] == 5
        assert program.get("/health").json()["status"] == "healthy"
        assert "without Redis" not in program.said
    # of web and of workers, several each
    assert min(postgres.served, redis.served) >= 4


def test_the_datas_version_is_asked_over_tls_without_waiting(
    database_url: str, authority: Authority, front: Front
) -> None:
    postgres = front(urlsplit(database_url).port, authority.certificate("asked"), postgres=True)
    url = _through(database_url, postgres, "postgres", sslmode="verify-full", sslrootcert=authority.root)
    database = Database(url, size=1)
    line = Line.of(database)
    try:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for _ in range(3):
                version.advance(connection)
                line.ask()
                assert until(line.heard, "Postgres has answered") == version.current(connection)
    finally:
        line.close()
        database.close()
    assert postgres.served == 1


@pytest.mark.parametrize("wrong", ["signed by a stranger", "for another host"])
def test_a_wrong_certificate_is_refused(
    wrong: str, database_url: str, redis_url: str, authority: Authority, stranger: Authority, front: Front
) -> None:
    certificate = (
        stranger.certificate("strangers") if "stranger" in wrong else authority.certificate("other", "DNS:example.com")
    )
    postgres = front(urlsplit(database_url).port, certificate, postgres=True)
    redis = front(urlsplit(redis_url).port, certificate)
    with pytest.raises(Unavailable, match="certificate"):
        migrate(_through(database_url, postgres, "postgres", sslmode="verify-full", sslrootcert=authority.root))
    url = _through(redis_url, redis, "rediss", ssl_ca_certs=authority.root)
    for connect in (workers.queue.connect, web.limits.connect):
        with connect(url) as client, pytest.raises(NoConnection, match="certificate"):
            client.ping()
    with pytest.raises(CannotStart, match="certificate"):
        redis_answers(url)


def test_a_certificate_that_nobody_signed_is_accepted_from_redis_when_it_is_not_to_be_checked(
    redis_url: str, stranger: Authority, front: Front
) -> None:
    url = _through(
        redis_url, front(urlsplit(redis_url).port, stranger.certificate("heroku", "DNS:elsewhere")), "rediss"
    )
    for verify, works in (("on", False), ("off", True)):
        asked = Settings.from_env({"REDIS_URL": url, "REDIS_TLS_VERIFY": verify}).redis_url
        assert asked
        with workers.queue.connect(asked) as client:
            if works:
                assert client.ping()
            else:
                with pytest.raises(NoConnection, match="certificate"):
                    client.ping()


def test_a_postgres_without_tls_is_refused_when_tls_is_asked_for(database_url: str, authority: Authority) -> None:
    with pytest.raises(Unavailable):
        migrate(f"{database_url}?sslmode=verify-full&sslrootcert={authority.root}")
    with pytest.raises(Unavailable):
        migrate(f"{database_url}?sslmode=require")
