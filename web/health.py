"""GET /health: how the whole system fares."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Response

from core.errors import Unavailable
from core.sources import SOURCES
from db import health
from db.sources import resting
from web.answers import json_object
from web.api import Answer, Blueprint
from web.auth import may_read
from web.examples import HEALTH
from web.healthschema import BareHealthSchema, HealthSchema
from web.jobanswers import moment
from web.problems import RETRY_AFTER_SECONDS
from web.services import Services, services
from web.version import VERSION
from workers.budget import Left
from workers.queue import QUEUES, QueueDepth

FEATURES = (
    "exactly-once effects",
    "golden records with provenance",
    "idempotency keys",
    "cancel and retry",
    "dead letters",
    "rate budgets",
    "resting sources",
    "prefer wait",
    "csv upload",
)

_SCHEMA = {"anyOf": [HealthSchema, BareHealthSchema]}

blueprint = Blueprint("health", __name__, description="Is it well?")


@blueprint.operation(
    "GET",
    "/health",
    role="anyone",
    answers={
        200: Answer(_SCHEMA, HEALTH, "healthy, or degraded: Redis or all workers are away, what is accepted is kept"),
        503: Answer(_SCHEMA, {**HEALTH, "status": "unhealthy"}, "unhealthy: Postgres is away"),
    },
)
def get_health(_query: dict[str, Any]) -> Response:
    """How the whole system fares: queues, workers, sources, database and Redis.

    Where reading needs a key (READ_ACCESS=key), who has none is told the status alone.
    """
    seen = look(services())
    if not may_read():
        seen = {"status": seen["status"]}
    unhealthy = seen["status"] == "unhealthy"
    return json_object(seen, 503 if unhealthy else 200, {"Retry-After": str(RETRY_AFTER_SECONDS)} if unhealthy else {})


def look(offered: Services) -> dict[str, Any]:
    """Ask Postgres and Redis, and judge."""
    stored = _ask_postgres(offered)
    latency, depths, left = _ask_redis(offered)
    status, message = verdict(
        postgres=stored is not None, redis=latency is not None, workers=(stored or {}).get("workers")
    )
    stored = stored or {}
    waiting: Mapping[str, float] = stored.get("waiting", {})
    sources: Mapping[str, dict[str, Any]] = stored.get("sources", {})
    return {
        "status": status,
        "message": message,
        "version": VERSION,
        "total_records": stored.get("total_records"),
        "features": [*(f"ingest:{source}" for source in SOURCES), *FEATURES],
        "timestamp": moment(datetime.now(UTC)),
        "queues": {queue: _queue(depths.get(queue), waiting.get(queue)) for queue in QUEUES},
        "workers": stored.get("workers"),
        "sources": {name: {**each, "budget": _budget(left.get(name))} for name, each in sources.items()},
        "database": {"up": bool(stored), "latency_ms": stored.get("latency_ms")},
        "redis": {"up": latency is not None, "latency_ms": latency},
    }


def verdict(*, postgres: bool, redis: bool, workers: int | None) -> tuple[str, str]:
    """The status, and a sentence that says why."""
    if not postgres:
        return "unhealthy", "Postgres can't be reached: nothing can be read or accepted."
    if not redis and not workers:
        return "degraded", "Redis can't be reached and no worker is alive: jobs are accepted and kept, but wait."
    if not redis:
        return "degraded", "Redis can't be reached: jobs are accepted and kept, but wait."
    if not workers:
        return "degraded", "No worker is alive: jobs are accepted and kept, but wait."
    return "healthy", "All is well."


def _ask_postgres(offered: Services) -> dict[str, Any] | None:
    try:
        with offered.database.connection() as connection:
            begun = time.perf_counter()
            health.schema_version(connection)
            latency = (time.perf_counter() - begun) * 1000
            total = health.total_records(connection)
            rests = resting(connection)
            return {
                "latency_ms": round(latency, 2),
                "total_records": total,
                "workers": health.workers_alive(connection),
                "waiting": health.oldest_waiting(connection),
                "sources": {
                    each.source: _source(each, rests.get(each.source), has_data=total > 0)
                    for each in health.sources_in_sight(connection, offered.settings)
                },
            }
    except Unavailable:
        return None


def _ask_redis(offered: Services) -> tuple[float | None, Mapping[str, QueueDepth], Mapping[str, Left]]:
    try:
        return round(offered.bell.ping_ms(), 2), offered.bell.depths(), offered.budget.left()
    except Unavailable:
        return None, {}, {}


def _source(each: health.SourceHealth, resting_until: datetime | None, *, has_data: bool) -> dict[str, Any]:
    return {
        "last_success": moment(each.last_success),
        "last_error": {"at": moment(each.failed_at), "detail": each.failure} if each.failed_at else None,
        "age_seconds": round(each.age, 3) if has_data and each.age is not None else None,
        "resting_until": moment(resting_until),
    }


def _budget(left: Left | None) -> dict[str, int] | None:
    return {"per_minute": left.per_minute, "left": left.left} if left else None


def _queue(depth: QueueDepth | None, oldest: float | None) -> dict[str, Any]:
    counts = {name: getattr(depth, name, None) for name in ("ready", "in_flight", "delayed", "dead")}
    return {**counts, "oldest_waiting_seconds": None if oldest is None else round(oldest, 3)}
