"""Where the time of an ingest and of a read goes."""

from __future__ import annotations

from bench.contenders import contender
from bench.figures import seconds
from bench.ground import Ground, say
from bench.options import Options
from bench.results import Findings
from bench.suites.ingest import COINS, TIMES
from bench.suites.reads import PATHS, fill, nothing_known

_SHOWN = 0.005  # a smaller share is not shown


def measure(ground: Ground, options: Options) -> Findings:
    """Once: shares change little from round to round."""
    del options
    found = Findings("Profiles")
    say("profile of an ingest")
    with (
        ground.database() as url,
        contender(
            "bench.profiling", "ingest", str(ground.sample(COINS, TIMES)), environ={"DATABASE_URL": url}
        ) as ready,
    ):
        told = ready.go()
    _shares(found, "An ingest of 1,000,000 rows by one thread", told, ("upload", "fetch", "normalize"))
    say("profile of the reads")
    with ground.database() as url:
        fill(ground, url, COINS)
        with (
            nothing_known(url),
            contender("bench.profiling", "reads", *PATHS.values(), environ={"DATABASE_URL": url}) as ready,
        ):
            told = ready.go()
    _shares(found, f"Reads of {COINS:,} coins, nothing kept, one after the other", told, tuple(PATHS.values()))
    rooms = {name.removeprefix("Python: "): took for name, took in told.items() if name.startswith("Python: ")}
    whole = sum(rooms.values())
    found.add_table(
        "The same, by whose code runs (under cProfile, which slows Python, not Postgres)",
        ("whose", "share"),
        [
            [name, f"{took / whole:.0%}"]
            for name, took in sorted(rooms.items(), key=lambda item: -item[1])
            if took >= _SHOWN * whole
        ],
    )
    return found


def _shares(found: Findings, caption: str, told: dict[str, float], stages: tuple[str, ...]) -> None:
    whole = sum(told[f"{stage}: all"] for stage in stages)
    rows = []
    for stage in stages:
        parts = {name.removeprefix(f"{stage}: "): took for name, took in told.items() if name.startswith(f"{stage}: ")}
        took = parts.pop("all")
        parts["Python between the statements"] = took - sum(parts.values())
        rows.append([f"**{stage}**", seconds(took), f"{took / whole:.0%}"])
        rows += [
            [name, seconds(part), f"{part / whole:.1%}"]
            for name, part in sorted(parts.items(), key=lambda item: -item[1])
            if part >= _SHOWN * whole
        ]
    found.add_table(caption, ("part", "seconds", "share"), rows)
