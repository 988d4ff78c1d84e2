"""The machine's facts, as far as they matter to figures; nothing that names it."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import psycopg

from local import valkey


def facts(database_url: str) -> list[str]:
    """Sentences: cores, memory, kernel, versions, durability, and how busy the machine was beforehand."""
    with psycopg.connect(database_url) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()
            for name in ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
        }
    setting = {name: row[0] if row else "?" for name, row in shown.items()}
    return [
        f"{_cores()} cores ({_processor()}), {_memory():.0f} GiB of memory, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, Postgres {setting['server_version']}, Valkey {_valkey()}",
        f"Postgres: fsync {setting['fsync']}, synchronous_commit {setting['synchronous_commit']}, "
        f"full_page_writes {setting['full_page_writes']}, shared_buffers {setting['shared_buffers']}",
        f"load average before: {os.getloadavg()[0]:.1f} (the cores' number is a full machine)",
    ]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _valkey() -> str:
    said = subprocess.run([valkey.find(), "--version"], capture_output=True, text=True, check=False).stdout
    return next((word.removeprefix("v=") for word in said.split() if word.startswith("v=")), "?")
