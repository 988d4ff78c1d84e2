"""A worker process's sign of life for whatever restarts it: `python -m workers.pulse` ends with 0 when all here live.

Each process keeps a file in the temporary folder locked for as long as it lives, and its dispatcher touches it. A file
that nobody has locked is one of a process that ended, even if a process of the same number runs now; the next one that
starts takes it over.
"""

from __future__ import annotations

import fcntl
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

# A worker whose database hangs or is away is slow in its rounds, and nothing would be better for being restarted.
SILENT_SECONDS = 60.0
_NAME = "crypto-quotes-worker-"
_MOST = 256


def begin(folder: Path | None = None) -> Callable[[], object]:
    """Take the first place in the folder that is free; what is returned gives a sign of life, and raises nothing.

    Where no place can be had, as in a folder that can't be written, nobody is told; the worker works all the same.
    """
    file = next(_free(folder or Path(tempfile.gettempdir())), None)

    def beat() -> None:
        if file is not None:
            os.utime(file)

    beat()
    return beat


def trouble(folder: Path, now: float) -> str | None:
    """What is wrong with the worker processes whose temporary folder this is, at `now`, in seconds since 1970."""
    silent_for = [now - path.stat().st_mtime for path in folder.glob(f"{_NAME}*") if _is_held(path)]
    if not silent_for:
        return "No worker process runs here."
    if silent := sum(seconds > SILENT_SECONDS for seconds in silent_for):
        return f"{silent} of {len(silent_for)} worker processes gave no sign of life for {SILENT_SECONDS:g} s."
    return None


def _free(folder: Path) -> Iterator[int]:
    """Descriptors of files that are ours from now on, until this process ends."""
    for number in range(1, _MOST + 1):
        file = None
        try:
            file = os.open(folder / f"{_NAME}{number}", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Another process', or another user's.
            if file is not None:
                os.close(file)
            continue
        yield file


def _is_held(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def main() -> None:
    sys.exit(trouble(Path(tempfile.gettempdir()), time.time()))


if __name__ == "__main__":
    main()
