"""Ingests that nobody posts: one job a slot, and one when the program starts, however many processes there are."""

from __future__ import annotations

import logging

from core.settings import Settings
from core.sources import SOURCES
from db import schedules
from db.jobs import TaskOrder
from db.pool import Database
from workers.queue import Bell

logger = logging.getLogger(__name__)


def _order(source: str) -> TaskOrder:
    limit = SOURCES[source].default_limit
    return TaskOrder(source, {} if limit is None else {"limit": limit})


def start_due(settings: Settings, database: Database, bell: Bell) -> None:
    """Make the job of every schedule's running slot that has none yet; a slot missed while all were down runs once."""
    for source, every in settings.ingest_schedule.items():
        made = schedules.start_slot(database, _order(source), every=every, max_attempts=settings.retry_max + 1)
        if made:
            logger.info("scheduled ingest of %s: job %s", source, made.job_id)
            bell.ring(made.doorbells)


def start_startup(settings: Settings, database: Database, bell: Bell) -> None:
    """Make the one job of this start (AUTO_INGEST_ON_STARTUP) unless another process has."""
    if not settings.auto_ingest_on_startup:
        return
    orders = [_order(source) for source in settings.auto_ingest_sources]
    made = schedules.start_startup(database, orders, max_attempts=settings.retry_max + 1)
    if made:
        logger.info("ingest on startup: job %s", made.job_id)
        bell.ring(made.doorbells)
