"""GET /api/v1/jobs and /jobs/{id}; POST …/cancel and …/retry."""

from __future__ import annotations

from typing import Any

from flask import Response
from werkzeug.routing import IntegerConverter

from db import jobs, jobviews
from web import jobanswers
from web.answers import POLL_SECONDS, json_object, refuse_body
from web.api import Answer, Blueprint
from web.auth import caller
from web.examples import JOB, JOBS_PAGE
from web.idempotency import REPLAYED, sent_key
from web.jobschemas import JobSchema, JobsPageSchema
from web.parameters import JobsQuery, KeyHeaders
from web.services import services

RETRY_AFTER = {"Retry-After": "seconds after which to ask again; while the job runs"}
ACCEPTED = {"Location": "the job", **RETRY_AFTER}

blueprint = Blueprint(
    "jobs", __name__, url_prefix="/api/v1/jobs", description="What was asked for, and what became of it"
)


class JobId(IntegerConverter):
    """A job's number as Postgres counts them; anything longer names no job."""

    regex = r"[1-9][0-9]{0,17}"


@blueprint.operation(
    "GET", "", role="read", query=JobsQuery, answers={200: Answer(JobsPageSchema, JOBS_PAGE, "A page of jobs")}
)
def list_jobs(query: dict[str, Any]) -> Response:
    """List jobs, the newest first."""
    with services().database.connection() as connection:
        views, total = jobviews.list_jobs(
            connection,
            page=query["page"],
            page_size=query["page_size"],
            state=query.get("state"),
            kind=query.get("kind"),
        )
    return json_object(
        {
            "data": [jobanswers.summary(view) for view in views],
            "page": query["page"],
            "page_size": query["page_size"],
            "total": total,
            "total_pages": -(-total // query["page_size"]),
        }
    )


@blueprint.operation(
    "GET",
    "/<job_id:job_id>",
    role="read",
    answers={200: Answer(JobSchema, JOB, "The job; a failed one too, with its error inside", RETRY_AFTER)},
    errors=(404,),
)
def get_job(_query: dict[str, Any], job_id: int) -> Response:
    """Look at a job; poll this until finished_at is set."""
    return answer(job_id)


@blueprint.operation(
    "POST",
    "/<job_id:job_id>/cancel",
    role="ingest",
    headers=KeyHeaders,
    answers={200: Answer(JobSchema, JOB, "The job; what runs stops at its next step", {**RETRY_AFTER, **REPLAYED})},
    errors=(404, 415),
)
def cancel_job(_query: dict[str, Any], headers: dict[str, Any], job_id: int) -> Response:
    """Stop a job.

    What is queued ends at once, what runs at its next step; what is stored stays. An ended job is left as it is.
    """
    refuse_body()
    wished = jobs.cancel(services().database, job_id, sent_key(headers))
    return _marked(answer(job_id), replayed=wished.replayed)


@blueprint.operation(
    "POST",
    "/<job_id:job_id>/retry",
    role="ingest",
    headers=KeyHeaders,
    answers={202: Answer(JobSchema, JOB, "The new job", {**ACCEPTED, **REPLAYED})},
    errors=(404, 409, 415),
)
def retry_job(_query: dict[str, Any], headers: dict[str, Any], job_id: int) -> Response:
    """Run the failed parts of a job again.

    They become a new job and go on from where they stopped; the old one stays as it ended. 409 when nothing failed.
    """
    refuse_body()
    with services().database.transaction() as connection:
        name = caller().name
        made = jobs.once(connection, sent_key(headers), lambda: jobs.retry(connection, job_id, requested_by=name))
        view = jobviews.one_job(connection, made.job_id)
    services().bell.ring(made.doorbells)
    return accepted(view, replayed=made.replayed)


def answer(job_id: int) -> Response:
    """A job in full, with Retry-After while it runs. Raises NoSuchJob."""
    with services().database.connection() as connection:
        view = jobviews.one_job(connection, job_id)
    headers = {} if view.head.finished_at else {"Retry-After": str(POLL_SECONDS)}
    return json_object(jobanswers.body(view), headers=headers)


def accepted(view: jobviews.JobView, *, replayed: bool = False) -> Response:
    """202: the job is on record and will be done; `replayed` when an earlier request with the same key made it."""
    headers = {"Location": jobanswers.path_of(view.head.id), "Retry-After": str(POLL_SECONDS)}
    return _marked(json_object(jobanswers.body(view), 202, headers), replayed=replayed)


def _marked(response: Response, *, replayed: bool) -> Response:
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response
