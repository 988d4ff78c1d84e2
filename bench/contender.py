"""A contender's side: prepare, say so, wait for the word, do the work, tell the seconds.

Standard library alone, for it is imported in .venv and in .venv-bench.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable

READY = "ready"


def contend(work: Callable[[], dict[str, float]]) -> None:
    """Do `work` when a line comes on standard input, then print a JSON object: what it returned, and its `seconds`.

    Starting Python and importing libraries is over by then: a worker in production has that behind it too.
    """
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    if not sys.stdin.readline():
        return  # whoever started us is gone
    begun = time.perf_counter()
    told = work()
    told.setdefault("seconds", time.perf_counter() - begun)
    told["cpu_seconds"] = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    told["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
