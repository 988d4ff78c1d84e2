"""Ingests by the clock, kept in the database: seen, made, changed, paused. db/slots.py starts what is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from core.errors import ProjectError
from core.models import JsonObject
from core.slots import Slots
from db.jobs import Idempotency, KeyReused
from db.pool import Connection, Database
from db.queries import sql


class NoSuchSchedule(ProjectError):
    """There is no schedule of that id."""


class ScheduleFixed(ProjectError):
    """INGEST_SCHEDULE says what it is; only pausing is left."""


class NameTaken(ProjectError):
    """Another schedule has this name."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is ingested (`kind`: a source or all) and when. `last_state` is of its last job, if that is still kept."""

    id: int
    name: str
    origin: str
    kind: str
    params: JsonObject
    every: float | None
    cron: str | None
    paused: bool
    next_run_at: datetime
    last_run_at: datetime | None
    last_job_id: int | None
    last_state: str | None
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """What a schedule is to be; in a change, None is as it was."""

    name: str | None = None
    kind: str | None = None
    params: JsonObject | None = None
    slots: Slots | None = None


def all_of_them(connection: Connection) -> list[Schedule]:
    return [Schedule(*row) for row in connection.execute(sql("schedules"), {"schedule": None})]


def one(connection: Connection, schedule_id: int) -> Schedule:
    """Raises NoSuchSchedule."""
    row = connection.execute(sql("schedules"), {"schedule": schedule_id}).fetchone()
    if row is None:
        raise _unknown(schedule_id)
    return Schedule(*row)


def create(connection: Connection, wish: Wish, *, by: str) -> int:
    """A new schedule, whose first slot is the one to come; its id. Raises NameTaken."""
    assert wish.slots  # noqa: S101
    row = connection.execute(
        sql("insert_schedule"),
        {
            "name": wish.name,
            "kind": wish.kind,
            "params": Jsonb(wish.params or {}),
            "every": wish.slots.every,
            "cron": wish.slots.cron,
            "next": wish.slots.after(time_now(connection)),
            "by": by,
        },
    ).fetchone()
    if row is None:
        raise NameTaken(f"There is a schedule named {wish.name!r} already.")
    return int(row[0])


def change(connection: Connection, schedule_id: int, wish: Wish) -> None:
    """Raises NoSuchSchedule, ScheduleFixed, NameTaken."""
    _, now = _locked(connection, schedule_id, to_change=True)
    try:
        connection.execute(
            sql("change_schedule"),
            {
                "schedule": schedule_id,
                "name": wish.name,
                "kind": wish.kind,
                "params": None if wish.params is None else Jsonb(wish.params),
                "timed": wish.slots is not None,
                "every": wish.slots.every if wish.slots else None,
                "cron": wish.slots.cron if wish.slots else None,
                "next": wish.slots.after(now) if wish.slots else None,
            },
        )
    except UniqueViolation:
        raise NameTaken(f"There is a schedule named {wish.name!r} already.") from None


def delete(connection: Connection, schedule_id: int) -> None:
    """Raises NoSuchSchedule, ScheduleFixed."""
    _locked(connection, schedule_id, to_change=True)
    connection.execute(sql("delete_schedule"), {"schedule": schedule_id})


def pause(connection: Connection, schedule_id: int) -> int:
    """Start nothing of it any more. Raises NoSuchSchedule."""
    _locked(connection, schedule_id)
    connection.execute(sql("pause_schedule"), {"schedule": schedule_id})
    return schedule_id


def resume(connection: Connection, schedule_id: int) -> int:
    """Go on with its next slot, and with none of those left out. Raises NoSuchSchedule."""
    slots, now = _locked(connection, schedule_id)
    connection.execute(sql("resume_schedule"), {"schedule": schedule_id, "next": slots.after(now)})
    return schedule_id


def once(connection: Connection, idempotency: Idempotency | None, do: Callable[[], int]) -> tuple[int, bool]:
    """What `do` gives, a schedule's id; or, True, the one that the same request under the same key was about before.

    Raises KeyReused.
    """
    if idempotency is None:
        return do(), False
    who = {"principal": idempotency.principal, "key": idempotency.key}
    connection.execute(sql("lock_idempotency_key"), who)
    if found := connection.execute(sql("find_schedule_of_key"), who).fetchone():
        if found[0] != idempotency.request_hash:
            raise KeyReused("This Idempotency-Key was used before, for another request; choose a new one.")
        return int(found[1]), True
    made = do()
    connection.execute(sql("insert_schedule_key"), {**who, "request_hash": idempotency.request_hash, "schedule": made})
    return made, False


def keep_environment(database: Database, ingest_schedule: Mapping[str, Slots]) -> None:
    """Let there be the schedules of INGEST_SCHEDULE, by source, and no others of it."""
    with database.transaction() as connection:
        connection.execute(sql("drop_environment_schedules"), {"sources": list(ingest_schedule)})
        now = time_now(connection)
        for source, slots in sorted(ingest_schedule.items()):
            # An interval's slots begin with the running one, as they do after a change of its length.
            begins = now if slots.cron is None else slots.after(now)
            wish = {"source": source, "every": slots.every, "cron": slots.cron, "next": begins}
            connection.execute(sql("keep_environment_schedule"), wish)


def time_now(connection: Connection) -> datetime:
    row = connection.execute(sql("time_now")).fetchone()
    assert row is not None  # noqa: S101
    moment: datetime = row[0]
    return moment


def _locked(connection: Connection, schedule_id: int, *, to_change: bool = False) -> tuple[Slots, datetime]:
    row = connection.execute(sql("lock_schedule"), {"schedule": schedule_id}).fetchone()
    if row is None:
        raise _unknown(schedule_id)
    origin, every, cron, now = row
    if to_change and origin == "environment":
        raise ScheduleFixed("This schedule comes from INGEST_SCHEDULE: change it there; here it can be paused.")
    return Slots(every, cron), now


def _unknown(schedule_id: int) -> NoSuchSchedule:
    return NoSuchSchedule(f"There is no schedule {schedule_id}.")
