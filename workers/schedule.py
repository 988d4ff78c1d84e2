"""Ingests that nobody posts: one job a slot, and one when the program starts, however many processes there are."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from core.models import JsonObject
from core.settings import Settings
from core.sources import SOURCES
from db import schedules, slots
from db.jobs import TaskOrder
from db.orders import ALL, order, orders_of_all
from db.pool import Database
from workers.queue import Bell

logger = logging.getLogger(__name__)


def orders_of(settings: Settings, kind: str, params: JsonObject) -> Sequence[TaskOrder]:
    """What a schedule fetches, by the parameters that the ingest of its kind takes; nothing for an unknown source."""
    if kind == ALL:
        return orders_of_all(settings, {name: _limit(value) for name, value in params.items()})
    return [order(kind, _limit(params.get("limit")))] if kind in SOURCES else []


def _limit(value: object) -> int | None:
    return value if isinstance(value, int) else None


def keep_environment(settings: Settings, database: Database) -> None:
    """What INGEST_SCHEDULE says is what there is of it, from the start of the program on; unset, it says nothing."""
    if settings.ingest_schedule is not None:
        schedules.keep_environment(database, settings.ingest_schedule)


def start_due(settings: Settings, database: Database, bell: Bell) -> None:
    """Make the job of every schedule that is due; slots missed while all were down are one job together."""
    for made in slots.start_due(database, partial(orders_of, settings), max_attempts=settings.retry_max + 1):
        logger.info("scheduled ingest: job %s", made.job_id)
        bell.ring(made.doorbells)


def start_startup(settings: Settings, database: Database, bell: Bell) -> None:
    """Make the one job of this start (AUTO_INGEST_ON_STARTUP) unless another process has."""
    if not settings.auto_ingest_on_startup:
        return
    orders = [order(source) for source in settings.auto_ingest_sources]
    made = slots.start_startup(database, orders, max_attempts=settings.retry_max + 1)
    if made:
        logger.info("ingest on startup: job %s", made.job_id)
        bell.ring(made.doorbells)
