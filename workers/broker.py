"""What a worker process is made of. `python -m workers` has Dramatiq call `start` in each process, after the fork."""

from __future__ import annotations

import os
import socket
import sys
import threading

import dramatiq

from core import logs
from core.errors import BadSettings
from core.registry import load_registry
from core.sources import configured
from core.sources.csvfile.reader import reader
from core.spans import SPANS
from db.pool import Database
from db.quotes import Rules
from db.reprocess import REPROCESS
from db.schema import refuse_unfit
from workers import actors, pulse
from workers.budget import Budget
from workers.dispatcher import Dispatcher
from workers.environment import settings_from_environment
from workers.gate import Gate
from workers.lanes import Lanes, lanes_for
from workers.lease import Holdings, beat
from workers.news import Ear
from workers.queue import Bell, make_broker
from workers.shutdown import on_stop
from workers.work import Work

# How long a bell that went unheard may wait in an idle queue.
_PATIENCE_SECONDS = 0.2


def start() -> None:
    """Set the global broker up with its actors, and start the heartbeat and the dispatcher."""
    try:
        settings = settings_from_environment()
        assert settings.database_url  # noqa: S101  checked
        assert settings.redis_url  # noqa: S101  checked
        reader()  # while what lies on the disk is what runs here
        refuse_unfit(settings.database_url)
    except BadSettings as error:
        sys.exit(str(error))
    logs.configure(settings)
    SPANS.configure("crypto-quotes worker")
    worker = f"{socket.gethostname()}:{os.getpid()}"
    stopping = threading.Event()
    database = Database(
        settings.database_url,
        size=settings.worker_connections,
        name=f"crypto-quotes worker {os.getpid()}",
        idle=settings.lease / 2,
        pooled=settings.pooled,
    )
    broker = make_broker(settings.redis_url)
    broker.stopping = stopping
    bell = Bell(settings.redis_url, broker)
    holdings = Holdings(database, settings.lease)
    rules = Rules.of(settings, load_registry())
    gate = Gate(settings, database, Budget.of(settings, settings.redis_url))
    lanes = Lanes(lanes_for(settings.worker_threads, len(configured(settings))))
    work = Work(settings, database, bell, holdings, rules, gate, lanes, worker=worker, stopping=stopping)
    actors.declare(broker, work)
    dramatiq.set_broker(broker)
    # Normalizing is short and ends by itself; a fetch may hang in a request for as long as HTTP_TIMEOUT.
    on_stop(stopping, lambda: bell.ring([*lanes.clear(), *holdings.hand_back(kinds=("fetch", REPROCESS))]))
    broker.patience = _PATIENCE_SECONDS
    Ear(settings.redis_url, broker.hear).open()
    dispatcher = Dispatcher(settings, database, bell, worker, pulse.begin())
    # Started here and not by a middleware hook, whose failure Dramatiq would swallow.
    threading.Thread(target=dispatcher.run, args=(stopping,), name="dispatcher", daemon=True).start()
    threading.Thread(target=beat, args=(holdings, settings.lease), name="heartbeat", daemon=True).start()
    threading.Thread(target=_load, name="loading", daemon=True).start()


def _load() -> None:
    """Load what reading and merging pages takes, which the first job would wait for otherwise.

    Arrow gives memory back to the system: its own allocator keeps a part of what a page took.
    """
    import pyarrow as pa

    import core.sources.csvfile.rows  # noqa: F401
    import db.incoming  # noqa: F401

    pa.set_memory_pool(pa.system_memory_pool())
