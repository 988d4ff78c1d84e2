"""GET /api/v1/dead-letters: what failed for good; POST …/{task_id}/retry and …/retry?source= run it again."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from marshmallow import validate

from core.sources import SOURCES
from db import deadletters, jobs, jobviews
from db.deadletters import DeadLetter
from web import jobanswers
from web.answers import json_object, refuse_body
from web.api import Answer, Blueprint
from web.auth import caller
from web.examples import DEAD_LETTERS_PAGE, JOB
from web.idempotency import REPLAYED, sent_key
from web.jobs import ACCEPTED, accepted
from web.jobschemas import DeadLettersPageSchema, JobSchema
from web.parameters import KeyHeaders, PageQuery
from web.services import services

blueprint = Blueprint("dead-letters", __name__, url_prefix="/api/v1/dead-letters", description="What failed for good")

_ANSWERS = {202: Answer(JobSchema, JOB, "The new job", {**ACCEPTED, **REPLAYED})}


class DeadLettersQuery(PageQuery):
    """Which failed tasks."""

    source = ma.fields.String(
        validate=validate.OneOf(list(SOURCES)), metadata={"description": "those of this source", "example": "coingecko"}
    )


class SourceQuery(ma.Schema):
    """Which source's."""

    source = ma.fields.String(
        required=True,
        validate=validate.OneOf(list(SOURCES)),
        metadata={"description": "run this source's failed tasks again", "example": "coingecko"},
    )


@blueprint.operation(
    "GET",
    "",
    role="read",
    query=DeadLettersQuery,
    answers={200: Answer(DeadLettersPageSchema, DEAD_LETTERS_PAGE, "A page of failed tasks; empty past the last")},
)
def list_dead_letters(query: dict[str, Any]) -> Response:
    """List the tasks that failed for good, with their errors, the latest first.

    One that was run again, here or with its job, is no longer listed.
    """
    with services().database.connection() as connection:
        letters, total = deadletters.page(
            connection, source=query.get("source"), number=query["page"], size=query["page_size"]
        )
    return json_object(
        {
            "data": [_letter(each) for each in letters],
            "page": query["page"],
            "page_size": query["page_size"],
            "total": total,
            "total_pages": -(-total // query["page_size"]),
        }
    )


@blueprint.operation(
    "POST",
    "/<job_id:task_id>/retry",
    role="ingest",
    headers=KeyHeaders,
    answers=_ANSWERS,
    errors=(404, 409, 415),
)
def retry_dead_letter(_query: dict[str, Any], headers: dict[str, Any], task_id: int) -> Response:
    """Run one failed task again.

    It becomes a new job and goes on from where it stopped. 409 when it has not failed, or was run again already.
    """
    refuse_body()
    name = caller().name
    with services().database.transaction() as connection:
        made = jobs.once(
            connection,
            sent_key(headers),
            lambda: deadletters.retry_one(connection, task_id, requested_by=name),
        )
        view = jobviews.one_job(connection, made.job_id)
    services().bell.ring(made.doorbells)
    return accepted(view, replayed=made.replayed)


@blueprint.operation(
    "POST", "/retry", role="ingest", query=SourceQuery, headers=KeyHeaders, answers=_ANSWERS, errors=(409, 415)
)
def retry_dead_letters(query: dict[str, Any], headers: dict[str, Any]) -> Response:
    """Run all failed tasks of a source again.

    They become one new job, the oldest 1,000 of them if there are more. 409 when there are none.
    """
    refuse_body()
    name = caller().name
    with services().database.transaction() as connection:
        made = jobs.once(
            connection,
            sent_key(headers),
            lambda: deadletters.retry_all(connection, query["source"], requested_by=name),
        )
        view = jobviews.one_job(connection, made.job_id)
    services().bell.ring(made.doorbells)
    return accepted(view, replayed=made.replayed)


def _letter(letter: DeadLetter) -> dict[str, Any]:
    errors = [jobanswers.failure(each) for each in letter.failures]
    return {
        "task_id": letter.task_id,
        "job_id": letter.job_id,
        "source": letter.source,
        "task": letter.kind,
        "attempts": letter.attempts,
        "failed_at": jobanswers.moment(letter.failed_at),
        "error": errors[0] if errors else None,
        "errors": errors,
        "links": {
            "job": jobanswers.path_of(letter.job_id),
            "retry": f"{blueprint.url_prefix}/{letter.task_id}/retry",
        },
    }
