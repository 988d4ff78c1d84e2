"""GET /metrics: what Prometheus collects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, Response, current_app
from prometheus_client import CollectorRegistry, generate_latest

from web.api import Answer, Blueprint
from web.events import broadcast
from web.services import services
from web.standing import Standing
from web.traffic import Traffic
from web.vitals import Vitals

_NAME = "metrics"
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_EXAMPLE = """# HELP crypto_quotes_tasks_waiting Tasks that are due and wait for a worker, of all queues.
# TYPE crypto_quotes_tasks_waiting gauge
crypto_quotes_tasks_waiting 3.0
"""

blueprint = Blueprint("metrics", __name__, description="Is it well?")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Everything that is told: this server's own, and the whole system's."""

    traffic: Traffic
    vitals: Vitals
    standing: CollectorRegistry

    def exposition(self) -> bytes:
        """In Prometheus' text format."""
        self.vitals.note()
        return generate_latest(self.traffic.collected()) + generate_latest(self.standing)


def install(app: Flask) -> Metrics:
    """After services and events."""
    traffic = Traffic()
    standing = CollectorRegistry()
    standing.register(Standing(services(app)))
    streams = broadcast(app).streams
    made = Metrics(traffic, Vitals(traffic.registry, services(app).database, lambda: len(streams)), standing)
    app.extensions[_NAME] = made
    return made


def metrics_of(app: Flask) -> Metrics:
    """Those of this application."""
    return cast(Metrics, app.extensions[_NAME])


@blueprint.operation(
    "GET",
    "/metrics",
    # web.access has seen to who may read; asking once more would ask Postgres, which may be away.
    role="anyone",
    answers={
        200: Answer({"type": "string"}, _EXAMPLE, "Metrics in Prometheus' text format", content_type=_CONTENT_TYPE)
    },
)
def get_metrics(_query: dict[str, Any]) -> Response:
    """How much is asked and done, for Prometheus.

    Answers with Postgres or Redis away too, without what they would say. What docs/OPERATIONS.md calls per replica is
    of the server that answers, all its processes together; the rest is of the whole system, and the same everywhere.
    """
    return Response(metrics_of(current_app).exposition(), content_type=_CONTENT_TYPE)
