"""Schedules in the OpenAPI document, and what a body that makes or changes one may hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import validate

from core.sources import SOURCES
from web.ingest import ALL
from web.parameters import MOST_COINS, no_zero_byte
from web.schemas import listed, text, time, whole

_LIMITS = ("limit", *(f"{source.name}_limit" for source in SOURCES.values() if source.default_limit is not None))

SCHEDULE: Mapping[str, Any] = {
    "id": 3,
    "name": "largest, on weekdays",
    "origin": "api",
    "source": "coingecko",
    "params": {"limit": 100},
    "interval": None,
    "interval_seconds": None,
    "cron": "30 6 * * MON-FRI",
    "paused": False,
    "next_run_at": "2026-02-23T06:30:00+00:00",
    "last_run_at": "2026-02-20T06:30:00.412+00:00",
    "last_job": {"id": 17, "state": "succeeded"},
    "created_by": "ann",
    "created_at": "2026-02-19T09:12:44.020+00:00",
    "links": {
        "self": "/api/v1/schedules/3",
        "pause": "/api/v1/schedules/3/pause",
        "last_job": "/api/v1/jobs/17",
    },
}


class LastJobSchema(ma.Schema):
    """The latest job that a schedule made."""

    id = whole("its id")
    state = text("its state; null when it is no longer kept", allow_none=True)


class ScheduleLinksSchema(ma.Schema):
    """Where to go from here."""

    self = text("the schedule")
    pause = ma.fields.String(metadata={"description": "POST there to pause it"})
    resume = ma.fields.String(metadata={"description": "POST there to let it go on"})
    last_job = ma.fields.String(metadata={"description": "its latest job"})


class ScheduleSchema(ma.Schema):
    """Something that is ingested by the clock, in UTC."""

    id = whole("its id")
    name = text("its name; of those from the environment, the source's")
    origin = text("environment (INGEST_SCHEDULE; may be paused here) or api")
    source = text("which source is ingested, or all")
    params = ma.fields.Dict(required=True, metadata={"description": "as the query of the ingest takes them"})
    interval = text("from slot to slot, such as 5m; slots are counted from 1970", allow_none=True)
    interval_seconds = ma.fields.Float(required=True, allow_none=True, metadata={"description": "the same in seconds"})
    cron = text("minute, hour, day-of-month, month, day-of-week", allow_none=True)
    paused = ma.fields.Boolean(required=True)
    next_run_at = time("the slot to come; null while it is paused", known=False)
    last_run_at = time("when it last started a job", known=False)
    last_job = ma.fields.Nested(LastJobSchema, required=True, allow_none=True)
    created_by = text("who made it")
    created_at = time("when")
    links = ma.fields.Nested(ScheduleLinksSchema, required=True)


class SchedulesSchema(ma.Schema):
    """All schedules; there are never many."""

    data = listed(ScheduleSchema)


def _said(description: str, **more: object) -> dict[str, object]:
    return {"description": description, **more}


class ParamsBody(ma.Schema):
    """What the query of the ingest would hold."""

    class Meta:
        unknown = ma.RAISE


def _params() -> type[ma.Schema]:
    fields: dict[str, Any] = {
        name: ma.fields.Integer(
            strict=True, validate=validate.Range(1, MOST_COINS), metadata=_said("how many coins to fetch")
        )
        for name in _LIMITS
    }
    made: type[ma.Schema] = ParamsBody.from_dict(fields, name="ScheduleParams")
    return made


class ScheduleChange(ma.Schema):
    """What is to change; of `interval` and `cron` one, which takes the other's place."""

    class Meta:
        unknown = ma.RAISE

    name = ma.fields.String(
        validate=[validate.Length(1, 100), no_zero_byte], metadata=_said("no other has it", example="hourly")
    )
    source = ma.fields.String(
        validate=validate.OneOf([*SOURCES, ALL]), metadata=_said("which source to ingest, or all", example="coingecko")
    )
    params = ma.fields.Nested(
        _params(), metadata=_said("`limit` for a source that has one; for all, a limit a source, such as csv has none")
    )
    interval = ma.fields.String(
        validate=validate.Length(1, 20), metadata=_said("such as 90s, 5m, 2h or 1d; 10s at least", example="5m")
    )
    cron = ma.fields.String(
        validate=validate.Length(1, 200),
        metadata=_said("minute, hour, day-of-month, month, day-of-week, in UTC", example="30 6 * * MON-FRI"),
    )


class ScheduleBody(ScheduleChange):
    """A new schedule: `name`, `source`, and `interval` or `cron`."""

    name = ma.fields.String(
        required=True,
        validate=[validate.Length(1, 100), no_zero_byte],
        metadata=_said("no other has it", example="hourly"),
    )
    source = ma.fields.String(
        required=True,
        validate=validate.OneOf([*SOURCES, ALL]),
        metadata=_said("which source to ingest, or all", example="coingecko"),
    )
