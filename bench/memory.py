"""How much memory processes had at most, as the system counted it."""

from __future__ import annotations

from pathlib import Path

from tests.program import Program


def largest_process(program: Program) -> tuple[float, str]:
    """The most bytes that any process of web or worker held at any time of its life (VmHWM), and whose it was."""
    peaks = [
        (_peak(pid), name) for name in ("web", "worker") for pid in (program.master(name), *program.children(name))
    ]
    return max(peaks)


def _peak(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) * 1024
    raise OSError(f"no VmHWM of process {pid}")
