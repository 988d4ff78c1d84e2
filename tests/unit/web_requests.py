"""Applications for tests that need no service: their Postgres and Redis are never asked, or are away."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from core.settings import Settings
from db.apikeys import Stored
from tests.contract import ContractClient
from web.app import create_app
from web.services import services

NOWHERE = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1"}


def settings(**environ: str) -> Settings:
    return Settings.from_env({**NOWHERE, **environ})


def application(**environ: str) -> Flask:
    """As if Postgres, which is away, had answered once that it has no key."""
    made = create_app(settings(**environ))
    services(made).auth.keys.ask = lambda _used: Stored((), any_ever=False, session_secret=b"only for tests" * 3)
    return made


def plain(**environ: str) -> FlaskClient:
    """A client that takes any answer, described or not."""
    return application(**environ).test_client()


def client(**environ: str) -> ContractClient:
    app = application(**environ)
    app.test_client_class = ContractClient
    made = app.test_client()
    assert isinstance(made, ContractClient)
    return made
