"""create_app: the application, put together. No connection is made here; the first request that needs one does."""

from __future__ import annotations

import atexit
from threading import BoundedSemaphore

from flask import Flask

from core import logs
from core.kept import Kept
from core.settings import Settings
from db.pool import Database
from web import (
    access,
    alerts,
    coins,
    data,
    deadletters,
    desk,
    docs,
    events,
    export,
    headers,
    health,
    healthhistory,
    ingest,
    jobs,
    mappings,
    metrics,
    pages,
    probes,
    problems,
    rejects,
    reprocess,
    schedules,
    signin,
    stats,
)
from web.access import Access
from web.api import Api
from web.auth import Auth
from web.environment import checked, settings_from_environment
from web.keyring import Keyring
from web.reads import Reads
from web.services import Services, install, services
from web.tracing import Tracing
from web.traffic import Counted
from web.version import VERSION
from workers.budget import Budget
from workers.queue import Bell

_DESCRIPTION = """
Crypto market quotes from several sources, merged into one trusted record a coin.

Ingesting is asynchronous: a POST answers 202 with a job, which is then polled; `Prefer: wait=30` waits for the result.
Figures are JSON numbers with the digits that the source sent; read them with a decimal parser if you need them all.
Errors are RFC 9457 problems. Writing needs an API key.
"""

# 40 orders of 200,000 coins.
_ORDERS_BYTES = 32 * 1024 * 1024


def create_app(settings: Settings | None = None) -> Flask:
    """The WSGI application. Raises BadSettings."""
    if settings is None:
        settings = settings_from_environment()
        logs.configure(settings)
    checked(settings)
    assert settings.database_url and settings.redis_url  # noqa: S101  checked
    # web.pages serves them, under addresses that name their content.
    app = Flask(__name__, static_folder=None)
    app.config.update(
        API_TITLE="Crypto quotes",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS={"info": {"description": _DESCRIPTION.strip()}},
        # An upload sets a limit of its own; nothing else has a body worth reading.
        MAX_CONTENT_LENGTH=64 * 1024,
        # A view that fails answers with a problem, in tests as in production.
        PROPAGATE_EXCEPTIONS=False,
    )
    # Figures and names as they are: no \\u escapes, no sorting of what was put in order.
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    database = Database(settings.database_url, size=settings.web_pool, pooled=settings.pooled)
    atexit.register(database.close)
    install(
        app,
        Services(
            settings=settings,
            database=database,
            auth=Auth(settings, Keyring.of(settings, database)),
            bell=Bell(settings.redis_url),
            budget=Budget.of(settings, settings.redis_url),
            waiting=BoundedSemaphore(max(1, settings.web_threads // 2)),
            exports=BoundedSemaphore(max(1, settings.web_threads // 4)),
            orders=Kept(_ORDERS_BYTES),
        ),
    )
    problems.register(app)
    headers.install(app, settings)
    access.install(app)
    app.url_map.converters["job_id"] = jobs.JobId
    pages.install(app)
    signin.install(app)
    events.install(app)
    measured = metrics.install(app)
    _register_operations(app)
    reads = Reads(app.wsgi_app, settings, database)
    guarded = Access(reads, app.wsgi_app, settings, services(app).auth)
    desk.install(app, reads, guarded, database)
    app.wsgi_app = Counted(Tracing(guarded), app, measured.traffic)  # type: ignore[method-assign]
    return app


def _register_operations(app: Flask) -> None:
    api = Api(app)
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    api.spec.components.security_scheme("apiKey", {"type": "apiKey", "in": "header", "name": "X-API-Key"})
    api.register_converter(jobs.JobId, lambda _converter: {"type": "integer", "minimum": 1})
    reading = (data, export, coins, mappings, stats, health, probes, metrics, events)
    for resource in (ingest, reprocess, schedules, alerts, jobs, rejects, deadletters, *reading, healthhistory):
        api.register_blueprint(resource.blueprint)
    # Not in the document: it only says which sources there are.
    app.add_url_rule("/api/v1/ingest/<source>", view_func=ingest.ingest_unknown, methods=["POST"])
    app.register_blueprint(docs.install(api))
