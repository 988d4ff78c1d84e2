"""A bare Dramatiq message: how long from sending it to its actor's first line, with the worker idle.

The worker is `dramatiq_worker_timeout=20 dramatiq bench.peers.bare_dramatiq`; the sender is
`python -m bench.peers.bare_dramatiq TIMES`; both with REDIS_URL.
"""

from __future__ import annotations

import os
import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from redis import Redis

from bench.contender import contend
from bench.figures import middle, percentile

_ANSWERS = "bench:taken-after"

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))  # type: ignore[no-untyped-call]
_redis = Redis.from_url(os.environ["REDIS_URL"])


@dramatiq.actor
def take(sent: float) -> None:
    _redis.rpush(_ANSWERS, str(time.time() - sent))


def send(times: int) -> dict[str, float]:
    taken = []
    for _ in range(times):
        take.send(time.time())
        answer = _redis.blpop([_ANSWERS], timeout=10)
        if answer is None:
            raise TimeoutError("no worker took the message")
        taken.append(float(answer[1]))
        time.sleep(0.05)
    return {"median": middle(taken), "p99": percentile(taken, 0.99)}


if __name__ == "__main__":
    contend(lambda: send(int(sys.argv[1])))
