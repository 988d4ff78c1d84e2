"""The stand-in as a fixture; tests/conftest.py names this module in `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.upstream.server import Upstream


@pytest.fixture(scope="session")
def _upstream_server() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def upstream(_upstream_server: Upstream) -> Iterator[Upstream]:
    """A well-behaved stand-in of 300 made-up coins, with an empty log."""
    _upstream_server.forget()
    yield _upstream_server
    _upstream_server.forget()
