"""GET /system: how the program fares, for who operates it: queues, workers, sources, schedules, dead letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from flask import render_template

from core.slots import interval_text
from core.sources import SOURCES
from db import deadletters, events, samples, schedules, system
from db.deadletters import DeadLetter
from db.events import SystemState
from db.samples import Sample
from db.schedules import Schedule
from db.system import Worker
from web import health
from web.pages import charts, jobwords
from web.pages.blueprint import pages
from web.services import services
from workers.queue import QUEUES

_MOST_LETTERS = 20


class Source(NamedTuple):
    """A source as /health tells of it, and its state in a word: resting, never, stale or fresh."""

    name: str
    state: str
    health: Mapping[str, Any]


class Figures(NamedTuple):
    """What the tiles say: now, and over the last hour."""

    ready: int
    in_flight: int
    later: int
    oldest: float | None
    workers: int
    succeeded: int
    failed: int


class Looked(NamedTuple):
    """What Postgres says of all that."""

    history: Sequence[Sample]
    workers: Sequence[Worker]
    schedules: Sequence[Schedule]
    letters: Sequence[DeadLetter]
    dead: Mapping[str, int]


@pages.get("/system")
def system_page() -> str:
    offered = services()
    seen = health.look(offered)
    with offered.database.connection() as connection:
        letters, _ = deadletters.page(connection, source=None, number=1, size=_MOST_LETTERS)
        looked = Looked(
            samples.since(connection, charts.HOUR_SECONDS),
            system.workers(connection),
            schedules.all_of_them(connection),
            letters,
            system.dead_letters_by_source(connection),
        )
        now = events.system(connection, QUEUES)
    end = datetime.now(UTC)
    return render_template(
        "system.html",
        seen=seen,
        looked=looked,
        figures=_figures(now, looked),
        sources=[
            Source(name, state_of(each, offered.settings.stale_after), each) for name, each in seen["sources"].items()
        ],
        charts={
            "depths": charts.depths(looked.history, QUEUES, end),
            "waits": charts.waits(looked.history, QUEUES, end),
            "throughput": charts.throughput(looked.history, end),
        },
        known=SOURCES,
        words=jobwords,
        timing=timing,
        queue_names={"fetch": "Fetching", "normalize": "Merging", "succeeded": "Succeeded", "failed": "Failed"},
    )


def state_of(source: Mapping[str, Any], stale_after: float) -> str:
    """A source's state in a word, by what /health says of it."""
    if source["resting_until"]:
        return "resting"
    if source["last_success"] is None:
        return "never"
    age = source["age_seconds"]
    return "stale" if age is not None and age > stale_after else "fresh"


def timing(schedule: Schedule) -> str:
    """When a schedule runs: `every 5m`, or its cron expression."""
    return schedule.cron or f"every {interval_text(schedule.every or 0)}"


def _figures(now: SystemState, looked: Looked) -> Figures:
    queues = now.queues.values()
    return Figures(
        ready=sum(queue.ready for queue in queues),
        in_flight=sum(queue.in_flight for queue in queues),
        later=sum(queue.later for queue in queues),
        oldest=max((queue.oldest for queue in queues if queue.oldest is not None), default=None),
        workers=now.workers,
        succeeded=sum(sample.succeeded for sample in looked.history),
        failed=sum(sample.failed for sample in looked.history),
    )
