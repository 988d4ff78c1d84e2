"""Which processes live. A zombie is dead: it only waits for a parent that may never ask.

Reads /proc where there is one (a slim container has no `ps`), and asks `ps` elsewhere (macOS).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_HAS_PROC = (_PROC / "self" / "stat").exists()


class _Process(NamedTuple):
    parent: int
    group: int
    state: str  # `Z` is a zombie, `X` what is about to go

    @property
    def lives(self) -> bool:
        return self.state not in "ZX"


def _table() -> dict[int, _Process]:
    """Every process by its id."""
    if not _HAS_PROC:
        listing = subprocess.run(
            ["/bin/ps", "-A", "-o", "pid=,ppid=,pgid=,stat="], capture_output=True, text=True, check=False
        ).stdout
        rows = (line.split() for line in listing.splitlines())
        return {int(row[0]): _Process(int(row[1]), int(row[2]), row[3][0]) for row in rows if len(row) == 4}
    found = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue  # it ended while we looked
            # The name in parentheses may hold anything, so the fields are counted after the last one.
            state, parent, group = stat.rpartition(")")[2].split()[:3]
            found[int(folder.name)] = _Process(int(parent), int(group), state)
    return found


def alive(pid: int) -> bool:
    found = _table().get(pid)
    return found is not None and found.lives


def members(group: int) -> list[int]:
    """The living processes of a process group."""
    return [pid for pid, process in _table().items() if process.group == group and process.lives]


def descendants(pid: int) -> set[int]:
    """The living children of a process, their children, and so on."""
    table = _table()
    found: set[int] = set()
    parents = {pid}
    while parents:
        parents = {child for child, process in table.items() if process.parent in parents and process.lives} - found
        found |= parents
    return found


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
