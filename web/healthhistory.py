"""GET /api/v1/health/history: how the queues were, for charts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import marshmallow as ma
from flask import Response
from marshmallow import validate

from db import samples
from db.samples import Sample
from web.answers import json_object
from web.api import Answer, Blueprint
from web.jobanswers import moment
from web.parameters import Whole
from web.schemas import figure, listed, time, whole
from web.services import services

blueprint = Blueprint("health-history", __name__, url_prefix="/api/v1/health", description="Was it well?")

_LONGEST_MINUTES = samples.KEPT_SECONDS // 60


class QueueSampleSchema(ma.Schema):
    """A queue as it was."""

    ready = whole("tasks that were due")
    in_flight = whole("tasks that a worker had")
    later = whole("tasks whose time was still to come: retries, and waits for a source")
    oldest_waiting_seconds = figure("for how long the longest-waiting task had been due; null when none was")
    succeeded = whole("tasks that ended well since the sample before")
    failed = whole("tasks that failed for good since then")


class SampleSchema(ma.Schema):
    """The queues as they were at a moment."""

    at = time("when")
    workers = whole("worker processes alive")
    queues = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(QueueSampleSchema), required=True)


class HistorySchema(ma.Schema):
    """Samples, the oldest first; while no worker is alive there are none."""

    interval_seconds = whole("from one sample to the next")
    samples = listed(SampleSchema)


class HistoryQuery(ma.Schema):
    """How far back."""

    minutes = Whole(
        load_default=60,
        validate=validate.Range(1, _LONGEST_MINUTES),
        metadata={"description": "the last so many minutes; a day is kept"},
    )


_QUEUE = {
    "ready": 4,
    "in_flight": 2,
    "later": 0,
    "oldest_waiting_seconds": 1.25,
    "succeeded": 12,
    "failed": 0,
}
_EXAMPLE = {
    "interval_seconds": 10,
    "samples": [{"at": "2026-02-22T20:14:10+00:00", "workers": 2, "queues": {"fetch": _QUEUE, "normalize": _QUEUE}}],
}


@blueprint.operation(
    "GET",
    "/history",
    role="read",
    query=HistoryQuery,
    answers={200: Answer(HistorySchema, _EXAMPLE, "A sample each ten seconds")},
)
def get_health_history(query: dict[str, Any]) -> Response:
    """How long the queues were, how long tasks waited, and how many ended, over the last hour."""
    with services().database.connection() as connection:
        found = samples.since(connection, query["minutes"] * 60)
    return json_object({"interval_seconds": samples.APART_SECONDS, "samples": told(found)})


def told(found: Sequence[Sample]) -> list[dict[str, Any]]:
    """Samples by moment, as JSON."""
    return [
        {"at": moment(at), "workers": queues[0].workers, "queues": {each.queue: _queue(each) for each in queues}}
        for at, queues in ((at, list(group)) for at, group in groupby(found, lambda sample: sample.taken_at))
    ]


def _queue(sample: Sample) -> dict[str, Any]:
    return {
        "ready": sample.ready,
        "in_flight": sample.in_flight,
        "later": sample.later,
        "oldest_waiting_seconds": None if sample.oldest is None else round(sample.oldest, 3),
        "succeeded": sample.succeeded,
        "failed": sample.failed,
    }
