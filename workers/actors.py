"""The actors: one a source, and one that normalizes for all. Thin: a message is a doorbell, `Work` answers it."""

from __future__ import annotations

from collections.abc import Callable

import dramatiq

from db.jobs import Doorbell
from workers.queue import NORMALIZE, QUEUES, actor_name
from workers.work import Work


def declare(broker: dramatiq.Broker, work: Work) -> None:
    """Give every queue its actor."""
    for queue in QUEUES:
        dramatiq.actor(broker=broker, queue_name=queue, actor_name=actor_name(queue))(_answer(work, queue))


def _answer(work: Work, queue: str) -> Callable[[int], None]:
    kind = NORMALIZE if queue == NORMALIZE else "fetch"

    def answer(task_id: int) -> None:
        work.do(Doorbell(task_id, kind, queue))

    return answer
