"""GET, POST /api/v1/schedules; GET, PATCH, DELETE …/{id}; POST …/{id}/pause and …/resume."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Response

from core.slots import BadSchedule, Slots, checked_cron, interval_of, interval_text
from core.sources import SOURCES
from db import schedules
from db.pool import Connection
from db.schedules import Schedule, Wish
from web.answers import json_object, refuse_body
from web.api import Answer, Blueprint, Body
from web.auth import caller
from web.idempotency import REPLAYED, sent_key
from web.ingest import ALL, LIMITED
from web.jobanswers import moment, path_of
from web.parameters import KeyHeaders
from web.problems import Problem
from web.scheduleschemas import SCHEDULE, ScheduleBody, ScheduleChange, ScheduleSchema, SchedulesSchema
from web.services import services

blueprint = Blueprint("schedules", __name__, url_prefix="/api/v1/schedules", description="Ingests by the clock")

_NEW = {"name": "largest, on weekdays", "source": "coingecko", "params": {"limit": 100}, "cron": "30 6 * * MON-FRI"}


@blueprint.operation(
    "GET",
    "",
    role="read",
    answers={200: Answer(SchedulesSchema, {"data": [SCHEDULE]}, "All schedules, those of INGEST_SCHEDULE first")},
)
def list_schedules(_query: dict[str, Any]) -> Response:
    """List the schedules."""
    with services().database.connection() as connection:
        found = schedules.all_of_them(connection)
    return json_object({"data": [shown(each) for each in found]})


@blueprint.operation(
    "POST",
    "",
    role="admin",
    headers=KeyHeaders,
    body=Body(ScheduleBody, _NEW),
    answers={201: Answer(ScheduleSchema, SCHEDULE, "The new schedule", {"Location": "the schedule", **REPLAYED})},
    errors=(409,),
)
def create_schedule(_query: dict[str, Any], headers: dict[str, Any], body: dict[str, Any]) -> Response:
    """Ingest a source, or all, by the clock.

    Every `interval`, counted from 1970, or as `cron` says, in UTC. A slot starts one job, however many workers there
    are; slots that were missed while all were down start one together. 409 when the name is taken.
    """
    name = caller().name
    with services().database.transaction() as connection:
        now = schedules.time_now(connection)
        wish = _wish(body, now, source=body["source"])
        if wish.slots is None:
            raise _at_fault("interval", "Either interval or cron must say when.")
        made, replayed = schedules.once(
            connection,
            sent_key(headers, json.dumps(body, sort_keys=True)),
            lambda: schedules.create(connection, wish, by=name),
        )
        found = schedules.one(connection, made)
    response = json_object(shown(found), 201, {"Location": f"{blueprint.url_prefix}/{made}"})
    return _marked(response, replayed=replayed)


@blueprint.operation(
    "GET",
    "/<job_id:schedule_id>",
    role="read",
    answers={200: Answer(ScheduleSchema, SCHEDULE, "The schedule")},
    errors=(404,),
)
def get_schedule(_query: dict[str, Any], schedule_id: int) -> Response:
    """Look at a schedule."""
    with services().database.connection() as connection:
        found = schedules.one(connection, schedule_id)
    return json_object(shown(found))


@blueprint.operation(
    "PATCH",
    "/<job_id:schedule_id>",
    role="admin",
    body=Body(ScheduleChange, {"interval": "5m"}),
    answers={200: Answer(ScheduleSchema, SCHEDULE, "The schedule as it is now")},
    errors=(404, 409),
)
def change_schedule(_query: dict[str, Any], body: dict[str, Any], schedule_id: int) -> Response:
    """Change what a schedule ingests, or when.

    What isn't named stays. 409 when the name is taken, or the schedule comes from INGEST_SCHEDULE.
    """
    with services().database.transaction() as connection:
        before = schedules.one(connection, schedule_id)
        source = body.get("source", before.kind)
        if source != before.kind:
            # The limits of another source mean nothing to this one.
            body.setdefault("params", {})
        schedules.change(connection, schedule_id, _wish(body, schedules.time_now(connection), source=source))
        found = schedules.one(connection, schedule_id)
    return json_object(shown(found))


@blueprint.operation(
    "DELETE",
    "/<job_id:schedule_id>",
    role="admin",
    answers={200: Answer(ScheduleSchema, SCHEDULE, "The schedule as it was")},
    errors=(404, 409, 415),
)
def delete_schedule(_query: dict[str, Any], schedule_id: int) -> Response:
    """Take a schedule away.

    Its jobs stay. 409 when it comes from INGEST_SCHEDULE.
    """
    refuse_body()
    with services().database.transaction() as connection:
        found = schedules.one(connection, schedule_id)
        schedules.delete(connection, schedule_id)
    return json_object(shown(found))


@blueprint.operation(
    "POST",
    "/<job_id:schedule_id>/pause",
    role="ingest",
    headers=KeyHeaders,
    answers={200: Answer(ScheduleSchema, SCHEDULE, "The schedule, paused", REPLAYED)},
    errors=(404, 415),
)
def pause_schedule(_query: dict[str, Any], headers: dict[str, Any], schedule_id: int) -> Response:
    """Start nothing of a schedule until it is resumed.

    What it has started goes on. Those of INGEST_SCHEDULE stay paused over restarts.
    """
    return _switch(headers, lambda connection: schedules.pause(connection, schedule_id))


@blueprint.operation(
    "POST",
    "/<job_id:schedule_id>/resume",
    role="ingest",
    headers=KeyHeaders,
    answers={200: Answer(ScheduleSchema, SCHEDULE, "The schedule, which goes on", REPLAYED)},
    errors=(404, 415),
)
def resume_schedule(_query: dict[str, Any], headers: dict[str, Any], schedule_id: int) -> Response:
    """Let a paused schedule go on with its next slot.

    What was left out meanwhile is not made up for.
    """
    return _switch(headers, lambda connection: schedules.resume(connection, schedule_id))


def shown(schedule: Schedule) -> dict[str, Any]:
    """A schedule as JSON."""
    here = f"{blueprint.url_prefix}/{schedule.id}"
    turn = "resume" if schedule.paused else "pause"
    links = {"self": here, turn: f"{here}/{turn}"}
    last = None
    if schedule.last_job_id is not None:
        last = {"id": schedule.last_job_id, "state": schedule.last_state}
        if schedule.last_state:
            links["last_job"] = path_of(schedule.last_job_id)
    return {
        "id": schedule.id,
        "name": schedule.name,
        "origin": schedule.origin,
        "source": schedule.kind,
        "params": schedule.params,
        "interval": None if schedule.every is None else interval_text(schedule.every),
        "interval_seconds": schedule.every,
        "cron": schedule.cron,
        "paused": schedule.paused,
        "next_run_at": None if schedule.paused else moment(schedule.next_run_at),
        "last_run_at": moment(schedule.last_run_at),
        "last_job": last,
        "created_by": schedule.created_by,
        "created_at": moment(schedule.created_at),
        "links": links,
    }


def _switch(headers: dict[str, Any], turn: Callable[[Connection], int]) -> Response:
    refuse_body()
    with services().database.transaction() as connection:
        turned, replayed = schedules.once(connection, sent_key(headers), lambda: turn(connection))
        found = schedules.one(connection, turned)
    return _marked(json_object(shown(found)), replayed=replayed)


def _wish(body: Mapping[str, Any], now: datetime, *, source: str) -> Wish:
    """What a checked body asks for. Raises a 422 Problem that names the field at fault."""
    params = body.get("params")
    for name in params or ():
        if name not in _takes(source):
            known = ", ".join(_takes(source)) or "none"
            raise _at_fault(f"params.{name}", f"An ingest of {source} doesn't take it; it takes {known}.")
    return Wish(body.get("name"), body.get("source"), params, _slots(body, now))


def _takes(source: str) -> tuple[str, ...]:
    if source == ALL:
        return tuple(LIMITED)
    return () if SOURCES[source].default_limit is None else ("limit",)


def _slots(body: Mapping[str, Any], now: datetime) -> Slots | None:
    if "interval" in body and "cron" in body:
        raise _at_fault("cron", "Must not come together with interval.")
    field = "interval" if "interval" in body else "cron"
    try:
        if "interval" in body:
            return Slots(every=interval_of(body["interval"]))
        return Slots(cron=checked_cron(body["cron"], now.astimezone(UTC))) if "cron" in body else None
    except BadSchedule as error:
        said = str(error)
        raise _at_fault(field, said[0].upper() + said[1:] + ".") from None


def _at_fault(field: str, detail: str) -> Problem:
    return Problem(422, f"{field}: {detail}", errors=[{"in": "body", "name": field, "detail": detail}])


def _marked(response: Response, *, replayed: bool) -> Response:
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response
