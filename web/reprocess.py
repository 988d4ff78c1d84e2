"""POST /api/v1/reprocess: rebuild what the rules decide from the quotes that are kept."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response

from db import jobviews, reprocess
from web.answers import refuse_body
from web.api import Answer, Blueprint
from web.auth import caller
from web.examples import JOB
from web.idempotency import REPLAYED, sent_key
from web.jobs import ACCEPTED, accepted
from web.jobschemas import JobSchema
from web.parameters import IngestHeaders
from web.services import services

blueprint = Blueprint("reprocess", __name__, url_prefix="/api/v1/reprocess", description="After a change of the rules")


class RepeatHeaders(ma.Schema):
    """How a POST is to be treated."""

    idempotency_key = IngestHeaders().fields["idempotency_key"]


@blueprint.operation(
    "POST",
    "",
    role="admin",
    headers=RepeatHeaders,
    answers={202: Answer(JobSchema, JOB, "The job is on record and will be done", {**ACCEPTED, **REPLAYED})},
    errors=(415,),
)
def post_reprocess(_query: dict[str, Any], headers: dict[str, Any]) -> Response:
    """Rebuild which coin each id is, what can't be right about its quotes, and all golden records.

    For after a change of the registry, the rules or the priorities; it gives what ingesting all kept quotes anew would
    give. Corrections by hand stay; a coin that comes to nothing becomes a redirect. Answers 202 with a job to poll.
    """
    refuse_body()
    with services().database.transaction() as connection:
        submitted = reprocess.submit(
            connection,
            max_attempts=services().settings.retry_max + 1,
            requested_by=caller().name,
            idempotency=sent_key(headers),
        )
        view = jobviews.one_job(connection, submitted.job_id)
    services().bell.ring(submitted.doorbells)
    response = accepted(view)
    if submitted.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response
