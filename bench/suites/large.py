"""Ten million rows beside one million: memory stays, time grows with the rows. Only when asked for: it takes long."""

from __future__ import annotations

import time

from bench.figures import mebibytes, number, ratios, seconds
from bench.ground import Ground, say, tell
from bench.jobs import until_ended, upload
from bench.memory import largest_process
from bench.options import Options
from bench.results import Findings, Row, Target
from bench.suites.ingest import COINS, TIMES

_FACTOR = 10


def measure(ground: Ground, options: Options) -> Findings:
    """One round of each: a figure that takes minutes is disturbed little."""
    found = Findings("Ten million rows")
    if not options.large:
        found.notes.append("Not measured: `make bench LARGE=1` does.")
        return found
    took, peaks = [], []
    for times in (TIMES, TIMES * _FACTOR):
        say(f"large: {COINS * times:,} rows")
        file = ground.sample(COINS, times)
        with ground.database() as url, ground.program(url) as program:
            begun = time.perf_counter()
            took.append(until_ended(url, upload(program, file), every=0.2, longest=3600) - begun)
            peaks.append(largest_process(program))
        tell(f"{COINS * times:,} rows", took[-1])
    few, many = (f"{COINS * times:,}" for times in (TIMES, TIMES * _FACTOR))
    found.rows = [
        Row(
            f"memory, largest process, {many} rows",
            "itself",
            [peaks[1][0] / 2**20],
            Target(256, unit="MiB"),
            mebibytes(peaks[1][0]),
        ),
        Row(
            f"{many} rows, POST to succeeded",
            f"{few} rows",
            ratios(took[1:], took[:1]),
            Target(10.5),
            seconds(took[1]),
            seconds(took[0]),
        ),
    ]
    found.add_table(
        f"{COINS:,} coins, one round",
        ("rows", "time", "rows/s", "largest process", "which"),
        [
            [rows, seconds(one), number(count / one), mebibytes(peak[0]), peak[1]]
            for rows, count, one, peak in zip(
                (few, many), (COINS * TIMES, COINS * TIMES * _FACTOR), took, peaks, strict=True
            )
        ],
    )
    return found
