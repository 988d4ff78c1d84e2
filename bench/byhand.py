"""A small ingest's three transactions by hand: no request, no queue, no claim, one connection.

The job goes on record; its page is kept; its quotes are merged. `python -m bench.byhand TIMES`, with DATABASE_URL.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from functools import partial
from io import BytesIO

import psycopg

from bench.contender import contend
from bench.figures import middle, percentile
from bench.smallfiles import small_file
from core.models import Page, Parsed
from core.registry import load_registry
from core.settings import Settings
from core.sources import SOURCES
from core.sources.source import Ask
from db import jobs, quotes, tasks
from db.jobs import TaskOrder
from db.pool import Connection
from db.quotes import Rules
from db.tasks import Claim


def one(connection: Connection, page: Page, parsed: Parsed, rules: Rules) -> float:
    """How long it took, from nothing to committed."""
    begun = time.perf_counter()
    with connection.transaction():
        made = jobs.submit(connection, kind="csv", orders=[TaskOrder("csv")], max_attempts=4, requested_by="bench")
    with connection.transaction():
        kept = tasks.store_pages(connection, _claim(made.job_id, made.doorbells[0].task_id), [page], lease=12)[0]
    with connection.transaction():
        coins = quotes.store(connection, "csv", parsed.quotes, datetime.now(UTC), rules)
        tasks.succeed(connection, _claim(made.job_id, kept.task_id), parsed, coins)
    return time.perf_counter() - begun


def _claim(job: int, task: int) -> Claim:
    return Claim(task, job, "fetch", "csv", {}, {}, None, attempt=1, max_attempts=4, waits=0, fence=0)


def _work(times: int) -> dict[str, float]:
    settings = Settings.from_env({})
    rules = Rules.of(settings, load_registry())
    took = []
    source = SOURCES["csv"]
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        for turn in range(times):
            ask = Ask(settings, open_file=partial(BytesIO, small_file(0, turn).encode()))
            page = next(iter(source.pages(ask, {})))
            took.append(one(connection, page, source.parse(page.body, page.meta), rules))
            time.sleep(0.02)
    return {"median": middle(took), "p99": percentile(took, 0.99)}


if __name__ == "__main__":
    contend(lambda: _work(int(sys.argv[1])))
