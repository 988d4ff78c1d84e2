"""The actors: one a source, one to normalize, one to rebuild. Thin: a message is a doorbell, `Work` answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import dramatiq

from core.sources import SOURCES
from db.jobs import Doorbell
from db.reprocess import REPROCESS
from workers.queue import actor_name, queue_name
from workers.work import Work


def declare(broker: dramatiq.Broker, work: Work) -> None:
    """Give every doorbell that may ring its actor."""
    kinds = (Doorbell(0, "normalize", ""), Doorbell(0, REPROCESS, ""))
    for bell in (*(Doorbell(0, "fetch", source) for source in SOURCES), *kinds):
        dramatiq.actor(broker=broker, queue_name=queue_name(bell), actor_name=actor_name(bell))(_answer(work, bell))


def _answer(work: Work, bell: Doorbell) -> Callable[[int], None]:
    def answer(task_id: int) -> None:
        work.do(replace(bell, task_id=task_id))

    return answer
