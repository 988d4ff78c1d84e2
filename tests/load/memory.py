"""How much memory web and worker hold while the load is on them, as the system counts it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from tests.program import Program

PARTS = ("web", "worker")
_EVERY_SECONDS = 2.0


class Watch:
    """Looks at all processes of web and worker every two seconds, from `with` to the end of its block."""

    def __init__(self, program: Program) -> None:
        self._processes = {name: (program.master(name), *program.children(name)) for name in PARTS}
        self._held: dict[str, list[int]] = {name: [] for name in PARTS}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory")

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def quarters(self) -> Mapping[str, tuple[float, float]]:
        """Bytes that each part held in the mean of the first and of the last quarter of the time."""
        return {name: _ends(held) for name, held in self._held.items()}

    def _look(self) -> None:
        while True:
            for name, processes in self._processes.items():
                self._held[name].append(sum(map(proportional, processes)))
            if self._ended.wait(_EVERY_SECONDS):
                return


def proportional(pid: int) -> int:
    """The bytes of a process, what it shares counted by its share (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no Pss of process {pid}")


def _ends(held: list[int]) -> tuple[float, float]:
    """The means of the first and of the last quarter."""
    quarter = max(1, len(held) // 4)
    return sum(held[:quarter]) / quarter, sum(held[-quarter:]) / quarter
