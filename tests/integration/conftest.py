"""What tests of the parts above Postgres and Valkey may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from core.settings import Settings
from tests.contract import ContractClient
from tests.factories import Factory
from web.app import create_app
from web.services import services

MakeClient = Callable[..., ContractClient]


@pytest.fixture
def factory(database_url: str) -> Iterator[Factory]:
    """Writes rows into this test's database."""
    made = Factory(database_url)
    yield made
    made.connection.close()


@pytest.fixture
def make_client(database_url: str, redis_url: str) -> Iterator[MakeClient]:
    """Clients of web on this test's database; settings are given as environment variables."""
    apps = []

    def make(**environ: str) -> ContractClient:
        app = create_app(Settings.from_env({"DATABASE_URL": database_url, "REDIS_URL": redis_url, **environ}))
        app.test_client_class = ContractClient
        apps.append(app)
        client = app.test_client()
        assert isinstance(client, ContractClient)
        return client

    yield make
    for app in apps:
        services(app).database.close()


@pytest.fixture
def client(make_client: MakeClient) -> ContractClient:
    """A client of a server that is open to this machine."""
    return make_client()
