"""A thousand small jobs at once, with one, two and four worker threads."""

from __future__ import annotations

import signal
import time
from collections import defaultdict

import psycopg

from bench.contenders import Bad
from bench.figures import middle, number, ratios, seconds
from bench.ground import Ground, say, tell
from bench.jobs import until_ended, upload
from bench.options import Options
from bench.results import Findings, Row, Target
from bench.smallfiles import small_file
from tests.program import Program

JOBS = 1_000
# Worker processes x threads in each.
_WORKERS = ((1, 1), (1, 2), (1, 4), (2, 2))
_LONGEST_SECONDS = 300.0


def measure(ground: Ground, options: Options) -> Findings:
    took: dict[tuple[int, int], list[float]] = defaultdict(list)
    for turn in range(options.rounds):
        say(f"small jobs, round {turn + 1} of {options.rounds}")
        for workers in _WORKERS[turn % 4 :] + _WORKERS[: turn % 4]:
            took[workers].append(_one(ground, *workers))
            tell(f"{workers[0]} x {workers[1]}", took[workers][-1])
    found = Findings("A thousand small jobs")
    one, two, four = (took[1, threads] for threads in (1, 2, 4))
    for name, fewer, more in (("2 worker threads", one, two), ("4 worker threads", two, four)):
        found.rows.append(
            Row(
                f"1,000 small jobs at once, jobs/s, {name}",
                "half as many",
                ratios(fewer, more),
                Target(1.0, at_least=True),
                number(JOBS / middle(more)),
                number(JOBS / middle(fewer)),
            )
        )
    found.add_table(
        f"{JOBS:,} jobs of five rows each, all queued before the workers begin",
        ("processes x threads", "rounds", "seconds", "jobs/s"),
        [
            [f"{processes} x {threads}", str(len(all_)), seconds(middle(all_)), number(JOBS / middle(all_))]
            for (processes, threads), all_ in sorted(took.items())
        ],
    )
    return found


def _one(ground: Ground, processes: int, threads: int) -> float:
    """Seconds from the workers' begin to the last job's end. The coins are known beforehand, the times are new."""
    with (
        ground.database() as url,
        ground.program(url, {"WORKER_THREADS": str(threads)}, worker_processes=processes) as program,
    ):
        known = ground.folder / "known.csv"
        head, *rows = [small_file(number, 0) for number in range(JOBS)]
        known.write_text(head + "".join(row.partition("\n")[2] for row in rows))
        until_ended(url, upload(program, known))
        # Stopped, not ended: what is measured is neither their start nor the web's part.
        program.signal_group("worker", signal.SIGSTOP)
        try:
            _submit(program)
        finally:
            begun = time.perf_counter()
            program.signal_group("worker", signal.SIGCONT)
        return _until_all_ended(url) - begun


def _submit(program: Program) -> None:
    for job in range(JOBS):
        answer = program.post("/api/v1/ingest/csv", files={"file": (f"{job}.csv", small_file(job, 1))})
        if answer.status_code != 202:
            raise Bad(f"a small job was answered {answer.status_code}: {answer.text[:500]}")


def _until_all_ended(url: str) -> float:
    deadline = time.monotonic() + _LONGEST_SECONDS
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            row = connection.execute(
                "SELECT count(*) FILTER (WHERE finished_at IS NULL), count(*) FILTER (WHERE state = 'succeeded') "
                "FROM jobs"
            ).fetchone()
            seen = time.perf_counter()
            if row and not row[0]:
                if row[1] != JOBS + 1:
                    raise Bad(f"only {row[1]} jobs succeeded")
                return seen
            time.sleep(0.05)
    raise Bad(f"{JOBS} small jobs did not end within {_LONGEST_SECONDS:g} s")
