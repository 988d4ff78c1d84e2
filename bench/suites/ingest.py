"""A million rows from POST to succeeded, beside the floor and beside what people would write instead."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import psycopg

from bench.contenders import OURS, PEERS, Bad, contender
from bench.figures import mebibytes, middle, number, percentile, ratios, seconds
from bench.ground import Ground, say, tell
from bench.jobs import until_ended, upload
from bench.memory import largest_process
from bench.options import Options
from bench.results import Findings, Row, Target

COINS, TIMES = 20_000, 50
_WORK = "1,000,000-row CSV, POST to succeeded"
_FLOOR, _PANDAS, _ARROW, _ROWS = "the floor", "pandas to_sql", "dlt, Arrow", "dlt, rows"
_TABLES = {
    "price_history": COINS * TIMES,
    "quotes": COINS,
    "cryptocurrencies": COINS,
    "source_mappings": COINS,
    "raw_batches": COINS * TIMES,
    "upload_chunks": COINS * TIMES,
}
# It takes minutes, and its distance from the target is no matter of rounds.
_ONCE = (_ROWS,)

Measured = dict[str, list[float]]


def measure(ground: Ground, options: Options) -> Findings:
    file = ground.sample(COINS, TIMES)
    contenders: dict[str, Callable[[Measured], None]] = {
        "ours": lambda measured: _ours(ground, file, measured),
        _FLOOR: lambda measured: _peer(ground, measured, _FLOOR, "bench.floor", str(file), python=OURS),
        _PANDAS: lambda measured: _peer(ground, measured, _PANDAS, "bench.peers.pandas_to_sql", str(file)),
        _ARROW: lambda measured: _peer(ground, measured, _ARROW, "bench.peers.dlt_load", "arrow", str(file)),
        _ROWS: lambda measured: _peer(ground, measured, _ROWS, "bench.peers.dlt_load", "rows", str(file)),
    }
    measured: Measured = defaultdict(list)
    names = list(contenders)
    for turn in range(options.rounds):
        say(f"ingest, round {turn + 1} of {options.rounds}")
        # Everyone comes first, second, … in turn.
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if turn == 0 or name not in _ONCE:
                contenders[name](measured)
    return _findings(measured)


def _ours(ground: Ground, file: Path, measured: Measured) -> None:
    with ground.database() as url, ground.program(url, web_processes=1, worker_processes=2) as program:
        begun = time.perf_counter()
        job = upload(program, file)
        measured["ours, answered"].append(time.perf_counter() - begun)
        measured["ours"].append(until_ended(url, job) - begun)
        tell("ours", measured["ours"][-1])
        _check(url)
        peak, whose = largest_process(program)
        measured["ours, peak"].append(peak)
        say(f"  largest process: {whose}, {mebibytes(peak)}")
        _sizes(url, measured)
        begun = time.perf_counter()
        measured["ours, again"].append(until_ended(url, upload(program, file)) - begun)
        tell("ours, the same file again", measured["ours, again"][-1])
        _check(url)


def _peer(ground: Ground, measured: Measured, name: str, module: str, *arguments: str, python: Path = PEERS) -> None:
    with ground.database() as url, contender(module, *arguments, python=python, environ={"DATABASE_URL": url}) as ready:
        told = ready.go()
        if told["rows"] != COINS * TIMES:
            raise Bad(f"{name} loaded {told['rows']} rows")
    measured[name].append(told["seconds"])
    measured[f"{name}, peak"].append(told["peak_bytes"])
    tell(name, told["seconds"])


def _check(database_url: str) -> None:
    """What was measured has really been done."""
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT (SELECT count(*) FROM price_history), (SELECT count(*) FROM quotes), "
            "(SELECT count(*) FROM cryptocurrencies WHERE price IS NOT NULL), (SELECT count(*) FROM source_mappings)"
        ).fetchone()
    if found != (COINS * TIMES, COINS, COINS, COINS):
        raise Bad(f"the tables hold {found}")


def _sizes(database_url: str, measured: Measured) -> None:
    """What the tables take on disk, indexes and all."""
    with psycopg.connect(database_url) as connection:
        for name in _TABLES:
            row = connection.execute("SELECT pg_total_relation_size(%s::regclass)", [name]).fetchone()
            measured[f"size of {name}"].append(float(row[0]) if row else 0.0)


def _findings(measured: Measured) -> Findings:
    ours = measured["ours"]

    def row(name: str, target: Target, work: str = _WORK) -> Row:
        faster = target.at_least
        values = ratios(measured[name], ours) if faster else ratios(ours, measured[name])
        return Row(work, name, values, target, seconds(middle(ours)), seconds(middle(measured[name])))

    found = Findings("Ingest")
    found.rows = [
        row(_FLOOR, Target(1.0)),
        row(_PANDAS, Target(2.0, at_least=True)),
        row(_ARROW, Target(1.5, at_least=True)),
        row(_ROWS, Target(10.0, at_least=True)),
        Row(
            "the same file again",
            "first time",
            ratios(measured["ours, again"], ours),
            Target(0.5),
            seconds(middle(measured["ours, again"])),
            seconds(middle(ours)),
        ),
        Row(
            "memory, largest process, 1 M rows",
            "itself",
            [peak / 2**20 for peak in measured["ours, peak"]],
            Target(256, unit="MiB"),
        ),
    ]
    found.add_table(
        f"{COINS:,} coins x {TIMES} times",
        ("who", "rounds", "median", "best", "rows/s", "memory"),
        [
            [
                name,
                str(len(measured[name])),
                seconds(middle(measured[name])),
                seconds(percentile(measured[name], 0)),
                number(COINS * TIMES / middle(measured[name])),
                mebibytes(middle(measured[f"{name}, peak"])),
            ]
            for name in ("ours", "ours, again", "ours, answered", _FLOOR, _PANDAS, _ARROW, _ROWS)
        ],
    )
    found.add_table(
        "What it leaves on disk, indexes included",
        ("table", "size", "rows or coins", "bytes each"),
        [
            [
                name,
                mebibytes(middle(measured[f"size of {name}"])),
                f"{rows:,}",
                number(middle(measured[f"size of {name}"]) / rows),
            ]
            for name, rows in _TABLES.items()
        ],
    )
    found.notes.append(
        "`ours, answered` is the upload alone, until the 202. Memory is the largest process's at its peak. pandas and "
        "dlt append to one table; ours and the floor fill quotes, golden records, mappings and history."
    )
    return found
