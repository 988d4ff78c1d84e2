"""A shell line as a process group of its own, its output read line by line."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from local import processes

# gunicorn and the workers finish or hand back what they are at within this time.
GRACE_SECONDS = 10.0
# A signal to the group reaches the shell too. If it died of it, its command would be nobody's child any more, and stay
# a zombie where nobody adopts those; so it waits for the command, and then starts no other.
_OUTLIVE = "trap 'exit 143' TERM; "


class ShellCommand:
    """Run by /bin/sh in `folder`, with exactly the given environment; `heard` gets its name and each line it says."""

    stop_signal = signal.SIGTERM

    def __init__(
        self,
        name: str,
        line: str,
        environment: Mapping[str, str],
        folder: Path,
        heard: Callable[[str, str], None],
        grace: float = GRACE_SECONDS,
    ) -> None:
        self.name = name
        self._line = line
        self._environment = dict(environment)
        self._folder = folder
        self._heard = heard
        self._grace = grace
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """The first process of the group, None when it isn't running."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def target(self) -> int:
        """Whom a signal goes to: everyone in the group, as on the platforms that read a Procfile."""
        return -self._process.pid if self._process else 0

    def start(self) -> None:
        process = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _OUTLIVE + self._line],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101
        self._process = process
        self._reader = threading.Thread(
            target=self._read, args=[process.stdout], name=f"{self.name} output", daemon=True
        )
        self._reader.start()

    def wait(self) -> int:
        """Block until the first process ends; its exit code. Its children may live on until stop()."""
        return self._process.wait() if self._process else 0

    def stop(self) -> None:
        """End whoever is left of the group: SIGTERM, then SIGKILL. Returns when nobody is and all output is read."""
        if self._process and self._reader:
            processes.end(self.target, self.stop_signal, self._grace)
            self._process.wait()
            self._reader.join(5)

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                self._heard(self.name, line.decode(errors="replace").rstrip("\r\n"))
