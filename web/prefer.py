"""`Prefer: wait=N` (RFC 7240): how long a client would rather wait than poll, and the waiting."""

from __future__ import annotations

import re
import time

from core.errors import Unavailable
from db import jobviews
from web.services import Services

LONGEST_WAIT = 60
_SHORTEST_PAUSE = 0.01
_LONGEST_PAUSE = 0.2


def wait_of(header: str) -> int:
    """The seconds of a Prefer header, at most LONGEST_WAIT; 0 without a wait that can be understood."""
    for preference in re.split(r"[,;]", header):
        name, _, value = preference.partition("=")
        seconds = value.strip().strip('"')
        if name.strip().lower() == "wait":
            return min(int(seconds), LONGEST_WAIT) if re.fullmatch(r"[0-9]{1,9}", seconds) else 0
    return 0


def wait_for(services: Services, job_id: int, seconds: int) -> bool:
    """Wait until the job has ended, and say whether it has.

    At once False when half of the threads are waiting already, so that some are left to answer everyone else; and
    when the process is to stop, or Postgres is away: the job is kept all the same.
    """
    if not services.waiting.acquire(blocking=False):
        return False
    try:
        deadline = time.monotonic() + seconds
        pause = _SHORTEST_PAUSE
        while not _has_ended(services, job_id):
            left = deadline - time.monotonic()
            if left <= 0 or services.leaving():
                return False
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return True
    except Unavailable:
        return False
    finally:
        services.waiting.release()


def _has_ended(services: Services, job_id: int) -> bool:
    # The connection goes back between two looks.
    with services.database.connection() as connection:
        return jobviews.has_ended(connection, job_id)
