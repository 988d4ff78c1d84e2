"""Reads while a million rows are ingested, beside the same reads alone."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from bench.contenders import Bad
from bench.figures import middle, number, ratios, seconds
from bench.ground import Ground, say
from bench.jobs import until_ended, upload
from bench.load import Told, load
from bench.options import Options
from bench.results import Findings, Row, Target
from bench.suites.ingest import COINS, TIMES
from bench.suites.reads import CONNECTIONS, PATHS, fill
from tests.program import Program

_ALONE_SECONDS = 6.0
_LONGEST_SECONDS = 300.0


def measure(ground: Ground, options: Options) -> Findings:
    alone: list[Told] = []
    during: list[Told] = []
    took: list[float] = []
    file = ground.sample(COINS, TIMES)
    paths = list(PATHS.values())
    for turn in range(options.rounds):
        say(f"reads during an ingest, round {turn + 1} of {options.rounds}")
        with ground.database() as url:
            fill(ground, url, COINS)
            with ground.program(url, web_processes=2, worker_processes=2) as program:
                load(program.port, CONNECTIONS, 1.0, paths)
                alone.append(load(program.port, CONNECTIONS, _ALONE_SECONDS, paths))
                ingest = _Ingest(program, url, file)
                ingest.start()
                during.append(load(program.port, CONNECTIONS, _LONGEST_SECONDS, paths, until=ingest.ended))
                took.append(ingest.seconds())
        say(f"  p99 alone {seconds(alone[-1].p99)}, during {seconds(during[-1].p99)}, ingest {seconds(took[-1])}")
    found = Findings("Reads while a million rows are ingested")
    errors = [float(told.errors) for told in during]
    found.rows = [
        Row(
            f"reads at {CONNECTIONS} connections while a 1 M-row ingest runs, p99",
            "reads alone",
            ratios([told.p99 for told in during], [told.p99 for told in alone]),
            Target(3.0),
            seconds(middle([told.p99 for told in during])),
            seconds(middle([told.p99 for told in alone])),
        ),
        Row("the same, errors", "none", errors, Target(0, unit="errors")),
    ]
    found.add_table(
        "The three reads in turn, two web and two worker processes",
        ("when", "requests/s", "p50", "p99", "errors"),
        [
            [
                name,
                number(middle([told.rate for told in tolds])),
                seconds(middle([told.p50 for told in tolds])),
                seconds(middle([told.p99 for told in tolds])),
                str(sum(told.errors for told in tolds)),
            ]
            for name, tolds in (("alone", alone), ("during", during))
        ],
    )
    found.notes.append(f"Under that load the ingest took {seconds(middle(took))}.")
    return found


class _Ingest(threading.Thread):
    """A daemon: when we are told to stop, nothing waits for it."""

    def __init__(self, program: Program, url: str, file: Path) -> None:
        super().__init__(name="ingest", daemon=True)
        self.ended = threading.Event()
        self._program, self._url, self._file = program, url, file
        self._seconds: float | None = None

    def run(self) -> None:
        begun = time.perf_counter()
        try:
            self._seconds = until_ended(self._url, upload(self._program, self._file), every=0.2) - begun
        finally:
            self.ended.set()

    def seconds(self) -> float:
        """From POST to succeeded. Raises Bad when it did not come to that."""
        if self._seconds is None:
            raise Bad(f"the ingest did not succeed within {_LONGEST_SECONDS:g} s of reads")
        return self._seconds
