"""Whether worker processes live, as a probe in their container is told."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from tests.waiting import until
from workers import pulse

ROOT = Path(__file__).parent.parent.parent


@contextmanager
def worker(folder: Path) -> Iterator[int]:
    """A process that gives one sign of life, and its id."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_live, args=(folder, there))
    process.start()
    try:
        here.recv()
        assert process.pid
        yield process.pid
    finally:
        process.kill()
        process.join()


def _live(folder: Path, told: Connection) -> None:
    pulse.begin(folder)
    told.send("alive")
    signal.pause()


def probe(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workers.pulse"],
        cwd=ROOT,
        env={"TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_two_that_live_are_well_and_one_that_fell_silent_is_told(tmp_path: Path) -> None:
    with worker(tmp_path), worker(tmp_path):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["crypto-quotes-worker-1", "crypto-quotes-worker-2"]
        assert pulse.trouble(tmp_path, time.time()) is None
        assert probe(tmp_path).returncode == 0
        long_ago = time.time() - pulse.SILENT_SECONDS - 10
        os.utime(tmp_path / "crypto-quotes-worker-1", (long_ago, long_ago))
        assert pulse.trouble(tmp_path, time.time()) == "1 of 2 worker processes gave no sign of life for 60 s."
        failed = probe(tmp_path)
        assert (failed.returncode, failed.stderr) == (1, "1 of 2 worker processes gave no sign of life for 60 s.\n")


def test_what_a_killed_process_left_is_no_sign_of_anybody_and_the_next_takes_it_over(tmp_path: Path) -> None:
    with worker(tmp_path) as pid:
        os.kill(pid, signal.SIGKILL)
        until(lambda: pulse.trouble(tmp_path, time.time()), "its end")
    left = tmp_path / "crypto-quotes-worker-1"
    os.utime(left, (0, 0))
    assert pulse.trouble(tmp_path, time.time()) == "No worker process runs here."
    with worker(tmp_path):
        assert [*tmp_path.iterdir()] == [left]
        assert pulse.trouble(tmp_path, time.time()) is None


def test_one_who_finds_no_place_works_all_the_same(tmp_path: Path) -> None:
    pulse.begin(tmp_path / "missing")()
    assert pulse.trouble(tmp_path / "missing", time.time()) == "No worker process runs here."


def test_a_link_that_somebody_laid_there_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.touch()
    os.utime(target, (0, 0))
    (tmp_path / "crypto-quotes-worker-1").symlink_to(target)
    with worker(tmp_path):
        assert target.stat().st_mtime == 0
        assert (tmp_path / "crypto-quotes-worker-2").exists()


def test_a_sign_of_life_makes_a_file_young_again(tmp_path: Path) -> None:
    beat = pulse.begin(tmp_path)
    os.utime(tmp_path / "crypto-quotes-worker-1", (0, 0))
    assert pulse.trouble(tmp_path, time.time())
    beat()
    assert pulse.trouble(tmp_path, time.time()) is None
