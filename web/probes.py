"""GET /livez and /readyz: what a platform asks before it restarts this process, or sends requests to it."""

from __future__ import annotations

from flask import Response, jsonify

from db import schema
from web.api import Answer, Blueprint
from web.problems import Problem
from web.schemas import ProbeSchema
from web.services import services

blueprint = Blueprint("probes", __name__, description="What a platform asks")


@blueprint.operation(
    "GET", "/livez", role=None, answers={200: Answer(ProbeSchema, {"status": "alive"}, "The process answers")}
)
def get_livez(_query: dict[str, object]) -> Response:
    """Is the process alive?

    Always 200: nothing outside the process is asked.
    """
    return jsonify(status="alive")


@blueprint.operation(
    "GET", "/readyz", role=None, answers={200: Answer(ProbeSchema, {"status": "ready"}, "Requests may be sent here")}
)
def get_readyz(_query: dict[str, object]) -> Response:
    """May requests be sent here?

    200 when Postgres answers and its schema is one that this release can work with, else 503.
    """
    with services().database.connection() as connection:
        reason = schema.unfit(connection)
    if reason:
        raise Problem(503, reason)
    return jsonify(status="ready")
