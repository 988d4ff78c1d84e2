"""One runner a folder. The lock also is the runner's sign of life for its guard (see `guard`)."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from local import processes
from local.errors import CannotStart

# How long the guard of a killed runner may take to end what that had started.
_GUARD_SECONDS = 60.0


@contextmanager
def only_runner(file: Path) -> Iterator[None]:
    """Hold the lock. Raises CannotStart at once when another runner holds it; waits for a dead runner's guard."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as held:
        deadline = time.monotonic() + _GUARD_SECONDS
        while not _taken(held):
            held.seek(0)
            holder = held.read().strip()
            if time.monotonic() > deadline or (holder.isdigit() and processes.alive(int(holder))):
                raise CannotStart(
                    f"This checkout is running already (process {holder}): stop that first, or use another checkout."
                )
            time.sleep(0.1)
        held.truncate(0)
        held.write(f"{os.getpid()}\n")
        held.flush()
        yield


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
