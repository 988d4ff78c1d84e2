"""The application put together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import BadSettings
from tests.unit.web_requests import NOWHERE, client, settings
from web.app import create_app
from web.environment import address
from web.services import services


def test_making_the_application_connects_to_nothing() -> None:
    assert client().get("/livez").get_json() == {"status": "alive"}


@pytest.mark.parametrize("variable", ["DATABASE_URL", "REDIS_URL"])
def test_without_an_address_of_postgres_or_redis_it_does_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in NOWHERE.items():
        if name != variable:
            monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings, match=variable):
        create_app()


def test_a_pool_has_a_connection_a_thread_and_half_of_the_threads_may_wait() -> None:
    offered = services(create_app(settings(WEB_THREADS="6")))
    assert [offered.waiting.acquire(blocking=False) for _ in range(4)] == [True, True, True, False]


def test_gunicorn_is_told_an_address_that_it_understands() -> None:
    assert address(settings(HOST="127.0.0.1", PORT="81")) == "127.0.0.1:81"
    assert address(settings(HOST="::1", PORT="81")) == "[::1]:81"


def test_a_web_process_loads_neither_pandas_nor_pyarrow() -> None:
    """Of 512 MB, which small hosts have, they would take a fifth."""
    loaded = "import sys, web.app; print({'pandas', 'pyarrow', 'numpy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
