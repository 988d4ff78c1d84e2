"""How long one small job takes: until a worker has it, and until all is done."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from pathlib import Path

import psycopg

from bench.contenders import PEERS, contender
from bench.figures import middle, percentile, ratios, seconds
from bench.ground import Ground, say, tell
from bench.jobs import post, seen_ended, until_ended
from bench.options import Options
from bench.results import Findings, Row, Target
from bench.smallfiles import small_file
from local.valkey import Valkey

TIMES = 60
_CLAIMED, _DONE, _MESSAGE, _BY_HAND = "POST to claimed", "POST to succeeded", "bare Dramatiq message", "by hand"

Measured = dict[str, list[dict[str, float]]]


def measure(ground: Ground, options: Options) -> Findings:
    measured: Measured = defaultdict(list)
    for turn in range(options.rounds):
        say(f"latency, round {turn + 1} of {options.rounds}")
        parts = [_ours, _message, _by_hand]
        for part in parts[turn % 3 :] + parts[: turn % 3]:
            part(ground, measured)
    return _findings(measured)


def _ours(ground: Ground, measured: Measured) -> None:
    claimed, done = [], []
    with tempfile.TemporaryDirectory(dir=ground.folder) as folder, ground.database() as url:
        file = Path(folder) / "small.csv"
        file.write_text(small_file(0, 0))
        with (
            psycopg.connect(url, autocommit=True) as watching,
            ground.program(url, {"CSV_PATH": str(file)}, worker_processes=1) as program,
        ):
            until_ended(url, post(program, "/api/v1/ingest/csv"))
            for turn in range(1, TIMES + 1):
                file.write_text(small_file(0, turn))
                wall, begun = time.time(), time.perf_counter()
                job = post(program, "/api/v1/ingest/csv")
                done.append(seen_ended(watching, job, every=0.001) - begun)
                claimed.append(_claimed_at(watching, job) - wall)
                time.sleep(0.05)
    for name, took in ((_CLAIMED, claimed), (_DONE, done)):
        measured[name].append({"median": middle(took), "p99": percentile(took, 0.99)})
        tell(name, middle(took))


def _claimed_at(connection: psycopg.Connection, job: int) -> float:
    """Seconds since 1970, by the database's clock, which is this machine's."""
    row = connection.execute("SELECT extract(epoch FROM started_at) FROM jobs WHERE id = %s", [job]).fetchone()
    return float(row[0]) if row else 0.0


def _message(ground: Ground, measured: Measured) -> None:
    with tempfile.TemporaryDirectory(prefix="valkey-", dir=ground.folder) as folder:
        valkey = Valkey(Path(folder))
        environ = {"REDIS_URL": valkey.start(), "dramatiq_worker_timeout": "20"}
        worker = f"exec {PEERS} -m dramatiq bench.peers.bare_dramatiq --processes 1 --threads 8"
        try:
            with (
                ground.served(worker, environ),
                contender("bench.peers.bare_dramatiq", str(TIMES), python=PEERS, environ=environ) as ready,
            ):
                measured[_MESSAGE].append(ready.go())
        finally:
            valkey.stop()
    tell(_MESSAGE, measured[_MESSAGE][-1]["median"])


def _by_hand(ground: Ground, measured: Measured) -> None:
    with (
        ground.database() as url,
        contender("bench.byhand", str(TIMES), environ={"DATABASE_URL": url}) as ready,
    ):
        measured[_BY_HAND].append(ready.go())
    tell(_BY_HAND, measured[_BY_HAND][-1]["median"])


def _findings(measured: Measured) -> Findings:
    medians = {name: [told["median"] for told in tolds] for name, tolds in measured.items()}

    def row(ours: str, theirs: str, limit: float) -> Row:
        return Row(
            f"{ours}, 5-row CSV, idle worker, median",
            theirs,
            ratios(medians[ours], medians[theirs]),
            Target(limit),
            seconds(middle(medians[ours])),
            seconds(middle(medians[theirs])),
        )

    found = Findings("One small job")
    found.rows = [
        row(_CLAIMED, _MESSAGE, 2.0),
        Row(
            f"{_CLAIMED}, 5-row CSV, idle worker, median",
            "itself",
            [value * 1000 for value in medians[_CLAIMED]],
            Target(12, unit="ms"),
            seconds(middle(medians[_CLAIMED])),
        ),
        row(_DONE, _BY_HAND, 4.0),
    ]
    found.add_table(
        f"{TIMES} one after the other in each round",
        ("what", "rounds", "median", "p99"),
        [
            [name, str(len(tolds)), seconds(middle(medians[name])), seconds(middle([told["p99"] for told in tolds]))]
            for name, tolds in measured.items()
        ],
    )
    found.notes.append(
        "Claimed is the moment the claiming statement began, by the database's clock; the POST began before its "
        "connection was made. By hand means the same statements in the same three transactions over one connection."
    )
    return found
