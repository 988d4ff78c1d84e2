"""Running a contender: a module in a process of its own, ready before the clock starts, ended whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bench.contender import READY
from local.run import ROOT
from tests.program import clean_environment

OURS = Path(sys.executable)
PEERS = ROOT / ".venv-bench" / "bin" / "python"
# Far beyond anything measured here, so that a contender that hangs is ended and named.
LONGEST_SECONDS = 900.0


class Bad(Exception):
    """Someone did not do what was to be measured; the message says who, with the last words."""


class Contender:
    """A process that waits for the word."""

    def __init__(self, name: str, process: subprocess.Popen[str], log: IO[str]) -> None:
        self._name = name
        self._process = process
        self._log = log

    def go(self) -> dict[str, float]:
        """Say the word and wait for the figures. Raises Bad."""
        told, _ = self._process.communicate("go\n")
        if self._process.returncode != 0 or not told.strip():
            self._log.seek(0)
            raise Bad(f"{self._name} failed:\n{self._log.read()[-2000:]}")
        figures: dict[str, float] = json.loads(told.splitlines()[-1])
        return figures

    def wait_until_ready(self) -> None:
        assert self._process.stdout is not None  # noqa: S101
        while (line := self._process.stdout.readline()).strip() != READY:
            if not line:
                self._process.wait()
                self._log.seek(0)
                raise Bad(f"{self._name} did not start:\n{self._log.read()[-2000:]}")


@contextmanager
def contender(
    module: str, *arguments: str, python: Path = OURS, environ: Mapping[str, str], longest: float = LONGEST_SECONDS
) -> Iterator[Contender]:
    """The module's process, ready. It is killed after `longest` seconds, and in any case when the block ends."""
    # A home of its own: no user's configuration gets in, and nothing that it caches stays behind.
    with tempfile.TemporaryFile("w+") as log, tempfile.TemporaryDirectory(prefix="crypto-quotes-peer-") as home:
        process = subprocess.Popen(
            [python, "-m", module, *arguments],
            cwd=ROOT,
            env={**environment(environ), "HOME": home, "TMPDIR": home},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        watch = threading.Timer(longest, process.kill)
        watch.start()
        try:
            ready = Contender(module, process, log)
            ready.wait_until_ready()
            yield ready
        finally:
            watch.cancel()
            if process.poll() is None:
                process.kill()
            process.communicate()


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ours without anybody's settings."""
    return {**clean_environment(), "PATH": os.environ.get("PATH", os.defpath), **more}
