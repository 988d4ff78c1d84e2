"""POST /api/v1/ingest/…: accept a job, commit it, ring for it, and answer 202; or wait for its end if asked to.

The operations follow from the registry of sources: a new one has its address without a line here.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import chain
from typing import Any

import marshmallow as ma
from flask import Response, request

from core.errors import Unavailable
from core.sources import SOURCES
from core.sources.csv import CSV, inspect
from db import jobs, jobviews, orders
from db.jobs import Submitted, TaskOrder
from db.jobviews import Head, JobView
from db.orders import order, orders_of_all
from db.pool import Connection
from db.uploads import store_upload
from web import jobanswers
from web.answers import json_object, refuse_body
from web.api import Answer, Blueprint, Nothing
from web.auth import caller
from web.examples import ALL_RESULT, JOB, RESULT, UPLOAD_BODY
from web.idempotency import REPLAYED, sent_key
from web.jobs import ACCEPTED, accepted
from web.jobschemas import AllResultSchema, JobSchema, ResultSchema
from web.parameters import IngestHeaders, LimitQuery, limit_field
from web.prefer import wait_for, wait_of
from web.problems import Problem
from web.services import services
from web.upload import Upload

ALL = orders.ALL

blueprint = Blueprint("ingest", __name__, url_prefix="/api/v1/ingest", description="Fetch and merge")

_APPLIED = {"Preference-Applied": "the wait that was applied", **REPLAYED}
_ON_RECORD = Answer(JobSchema, JOB, "The job is on record and will be done", {**ACCEPTED, **REPLAYED})


class _Replayed(Exception):
    """Rolls a repeated upload back: the job that it asks for has its file already."""

    def __init__(self, submitted: Submitted, view: JobView) -> None:
        super().__init__()
        self.submitted = submitted
        self.view = view


def _declare_source(name: str, default_limit: int | None) -> None:
    """An operation for a source that is fetched from elsewhere."""

    def ingest(query: dict[str, Any], headers: dict[str, Any]) -> Response:
        refuse_body()
        return _take_in(name, [order(name, query.get("limit"))], headers)

    ingest.__name__ = f"ingest_{name}"
    ingest.__doc__ = f"""Fetch quotes from {name}.

    Answers 202 with a job to poll, or, with `Prefer: wait=N`, 200 with the finished result if that is there in time.
    """
    blueprint.operation(
        "POST",
        f"/{name}",
        role="ingest",
        query=Nothing if default_limit is None else LimitQuery,
        headers=IngestHeaders,
        answers={
            200: Answer(ResultSchema, {**RESULT, "source": name}, "The finished result (Prefer: wait)", _APPLIED),
            202: _ON_RECORD,
        },
        errors=(415,),
    )(ingest)


for _source in SOURCES.values():
    if _source is not CSV:
        _declare_source(_source.name, _source.default_limit)

LIMITED = {f"{source.name}_limit": source for source in SOURCES.values() if source.default_limit is not None}
AllQuery = ma.Schema.from_dict({field: limit_field() for field in LIMITED}, name="AllQuery")


@blueprint.operation(
    "POST",
    "/csv",
    role="ingest",
    headers=IngestHeaders,
    answers={200: Answer(ResultSchema, RESULT, "The finished result (Prefer: wait)", _APPLIED), 202: _ON_RECORD},
    errors=(400, 408, 413, 415),
    requestBody=UPLOAD_BODY,
)
def ingest_csv(_query: dict[str, Any], headers: dict[str, Any]) -> Response:
    """Read a CSV file: the one configured on the server (CSV_PATH), or an uploaded one.

    To upload, send multipart/form-data with the file in the part `file`. Which column is what is found out from the
    header; a part `columns` before it, a JSON object such as `{"price": "Last"}`, overrules that. Answers 202 with a
    job to poll, or, with `Prefer: wait=N`, 200 with the finished result if that is there in time.
    """
    if request.mimetype == "multipart/form-data":
        return _take_upload(headers)
    refuse_body()
    return _take_in(CSV.name, [TaskOrder(CSV.name)], headers)


@blueprint.operation(
    "POST",
    f"/{ALL}",
    role="ingest",
    query=AllQuery,
    headers=IngestHeaders,
    answers={200: Answer(AllResultSchema, ALL_RESULT, "The finished result (Prefer: wait)", _APPLIED), 202: _ON_RECORD},
    errors=(415,),
)
def ingest_all(query: dict[str, Any], headers: dict[str, Any]) -> Response:
    """Fetch quotes from all sources that ALL_SOURCES names (csv, coingecko and coinpaprika, unless set) at once.

    One job with a task a source. If a source fails, the others are stored, and the job ends `partial_success`.
    """
    refuse_body()
    return _take_in(ALL, orders_of_all(services().settings, query), headers)


def ingest_unknown(source: str) -> Response:
    known = ", ".join([*SOURCES, ALL])
    raise Problem(404, f"There is no source {source[:100]!r}; known are {known}.")


def _take_in(kind: str, orders: Sequence[TaskOrder], headers: dict[str, Any]) -> Response:
    with services().database.transaction() as connection:
        submitted, view = _submit(connection, kind, orders, headers, body="")
    return _answer(submitted, view, headers)


def _take_upload(headers: dict[str, Any]) -> Response:
    upload = Upload(request, services().settings.max_upload_bytes)
    upload.begin()
    pieces = upload.pieces()
    first = next(pieces, b"")
    # A file that can't be read is refused before anything is stored.
    inspect(io.BytesIO(first), upload.columns)
    try:
        with services().database.transaction() as connection:
            number = store_upload(connection, upload.filename, chain([first], pieces))
            upload.finish()
            fetch = TaskOrder(CSV.name, {"upload": number, "columns": upload.columns})
            submitted, view = _submit(connection, CSV.name, [fetch], headers, body=upload.digest)
            if submitted.replayed:
                raise _Replayed(submitted, view)
    except _Replayed as replayed:
        submitted, view = replayed.submitted, replayed.view
    return _answer(submitted, view, headers)


def _submit(
    connection: Connection, kind: str, orders: Sequence[TaskOrder], headers: dict[str, Any], *, body: str
) -> tuple[Submitted, JobView]:
    """Put the job on record. It is read back before the commit, so that nothing stands between that and the 202."""
    submitted = jobs.submit(
        connection,
        kind=kind,
        orders=orders,
        max_attempts=services().settings.retry_max + 1,
        requested_by=caller().name,
        idempotency=sent_key(headers, body),
    )
    return submitted, jobviews.one_job(connection, submitted.job_id)


def _answer(submitted: Submitted, view: JobView, headers: dict[str, Any]) -> Response:
    services().bell.ring(submitted.doorbells)
    seconds = wait_of(headers.get("prefer", ""))
    waited = seconds > 0 and (view.head.finished_at is not None or wait_for(services(), submitted.job_id, seconds))
    ended = _ended_view(view.head) if waited else None
    if ended:
        response = json_object(jobanswers.result(ended), 200, {"Preference-Applied": f"wait={seconds}"})
    else:
        response = accepted(view)
    if submitted.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _ended_view(head: Head) -> JobView | None:
    try:
        with services().database.connection() as connection:
            return jobviews.one_job(connection, head.id, with_coins=head.kind != ALL)
    except Unavailable:
        # The job is on record all the same: the answer is the 202.
        return None
