"""Applications for tests that need no service: their Postgres and Redis are never asked, or are away."""

from __future__ import annotations

from flask.testing import FlaskClient

from core.settings import Settings
from tests.contract import ContractClient
from web.app import create_app

NOWHERE = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1"}


def settings(**environ: str) -> Settings:
    return Settings.from_env({**NOWHERE, **environ})


def plain(**environ: str) -> FlaskClient:
    """A client that takes any answer, described or not."""
    return create_app(settings(**environ)).test_client()


def client(**environ: str) -> ContractClient:
    app = create_app(settings(**environ))
    app.test_client_class = ContractClient
    made = app.test_client()
    assert isinstance(made, ContractClient)
    return made
