"""The actors: one a source, and one that normalizes for all. Thin: a message is a doorbell, `Work` answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import dramatiq

from core.sources import SOURCES
from db.jobs import Doorbell
from workers.queue import actor_name
from workers.work import Work


def declare(broker: dramatiq.Broker, work: Work) -> None:
    """Give every doorbell that may ring its actor."""
    for bell in (*(Doorbell(0, "fetch", source) for source in SOURCES), Doorbell(0, "normalize", "")):
        dramatiq.actor(broker=broker, queue_name=bell.kind, actor_name=actor_name(bell))(_answer(work, bell))


def _answer(work: Work, bell: Doorbell) -> Callable[[int], None]:
    def answer(task_id: int) -> None:
        work.do(replace(bell, task_id=task_id))

    return answer
