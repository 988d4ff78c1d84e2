"""Which processes live. A zombie is dead: it only waits for a parent that may never ask.

Reads /proc where there is one (a slim container has no `ps`), and asks `ps` elsewhere (macOS).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

_PROC = Path("/proc")
_HAS_PROC = (_PROC / "self" / "stat").exists()


def _table() -> dict[int, tuple[int, str]]:
    """Every process: its id, its group's id and its state (`Z` is a zombie)."""
    if not _HAS_PROC:
        listing = subprocess.run(
            ["/bin/ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=False
        ).stdout
        rows = (line.split() for line in listing.splitlines())
        return {int(row[0]): (int(row[1]), row[2][0]) for row in rows if len(row) == 3}
    found = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue  # it ended while we looked
            # The name in parentheses may hold anything, so the fields are counted after the last one.
            state, _, group = stat.rpartition(")")[2].split()[:3]
            found[int(folder.name)] = (int(group), state)
    return found


def alive(pid: int) -> bool:
    return _table().get(pid, (0, "Z"))[1] not in "ZX"


def members(group: int) -> list[int]:
    """The living processes of a process group."""
    return [pid for pid, (its_group, state) in _table().items() if its_group == group and state not in "ZX"]


def command_of(pid: int) -> str:
    """The command line of a process, empty when there is none."""
    if _HAS_PROC:
        try:
            return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return ""
    return subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()


def living(target: int) -> bool:
    """Whether a process (a positive number) or anyone of a process group (a negative one) lives."""
    return alive(target) if target > 0 else bool(members(-target))


def end(target: int, polite: signal.Signals, grace: float) -> None:
    """End a process, or a group when `target` is negative as for kill(2): politely, after `grace` seconds by force."""
    for number, patience in ((polite, grace), (signal.SIGKILL, 10.0)):
        if not living(target):
            return
        try:
            os.kill(target, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while living(target) and time.monotonic() < deadline:
            time.sleep(0.02)
