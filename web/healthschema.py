"""What /health looks like, for the OpenAPI document. What can't be asked is null."""

from __future__ import annotations

import marshmallow as ma

from web.schemas import figure, text, texts, time, whole


class QueueSchema(ma.Schema):
    """Messages of one queue in Redis, and what waits in Postgres behind it."""

    ready = whole("waiting for a worker", known=False)
    in_flight = whole("taken by a worker", known=False)
    delayed = whole("always 0: waits are rows in Postgres", known=False)
    dead = whole("always 0: failed tasks are rows in Postgres", known=False)
    oldest_waiting_seconds = figure("for how long the longest-waiting task has been due; null when none is")


class LastErrorSchema(ma.Schema):
    """A source's latest failure."""

    at = time("when")
    detail = text("what happened")


class BudgetSchema(ma.Schema):
    """How often a source may be asked."""

    per_minute = whole("requests a minute; half as many for five minutes after a 429")
    left = whole("how many more fit now")


class SourceHealthSchema(ma.Schema):
    """How fresh a source is."""

    last_success = time("when its last good fetch ended", known=False)
    last_error = ma.fields.Nested(LastErrorSchema, required=True, allow_none=True)
    age_seconds = figure("how old its data is; null when there is none")
    resting_until = time("when it is tried again, if it rests because it kept failing", known=False)
    budget = ma.fields.Nested(
        BudgetSchema,
        required=True,
        allow_none=True,
        metadata={"description": "null when it has none, or Redis is away"},
    )


class ServiceSchema(ma.Schema):
    """A service of ours."""

    up = ma.fields.Boolean(required=True)
    latency_ms = figure("milliseconds for a question")


class BareHealthSchema(ma.Schema):
    """What strangers are told where reading needs a key."""

    class Meta:
        unknown = ma.RAISE

    status = text("healthy, degraded or unhealthy")


class HealthSchema(ma.Schema):
    """How the whole system fares."""

    status = text("healthy, degraded or unhealthy")
    message = text("why, in a sentence")
    version = text("the release")
    total_records = whole("golden records", known=False)
    features = texts("what this server can do")
    timestamp = time("when this was said")
    queues = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(QueueSchema), required=True)
    workers = whole("worker processes alive", known=False)
    sources = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(SourceHealthSchema), required=True)
    database = ma.fields.Nested(ServiceSchema, required=True)
    redis = ma.fields.Nested(ServiceSchema, required=True)
