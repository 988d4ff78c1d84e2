"""The same reads at ten times the coins: each page, filter and sort, one request after the other."""

from __future__ import annotations

import http.client
import time
from collections import defaultdict
from contextlib import ExitStack

import psycopg

from bench.contenders import Bad
from bench.figures import middle, ratios, seconds, times
from bench.ground import Ground, say
from bench.load import load
from bench.options import Options
from bench.results import Findings, Row, Target
from bench.suites.reads import NO_ANSWERS_KEPT, fill, ours
from db.coins import SORTS

FEW, MANY = 20_000, 200_000
_SECONDS = 0.5
_DATA = "/api/v1/data"
# Page 2,000 of ten a page is the last one of the few, and as far in of the many.
_PAGES = {
    "page 1": f"{_DATA}?page_size=50",
    "page 2,000": f"{_DATA}?page_size=10&page=2000",
}
_FILTERS = {
    "filter source": f"{_DATA}?page_size=50&source=csv",
    "filter symbol": f"{_DATA}?page_size=50&symbol=btc",
    "filter canonical_id": f"{_DATA}?page_size=50&canonical_id=btc",
    "search, rare": f"{_DATA}?page_size=50&search=bitcoin",
    "search, common": f"{_DATA}?page_size=50&search=coin",
}
_SORTS = {f"sort {sign}{name}": f"{_DATA}?page_size=50&sort={sign}{name}" for name in SORTS for sign in ("", "-")}
_OTHERS = {"one coin": "/api/v1/coins/btc", "stats": "/api/v1/stats"}
READS = {**_PAGES, **_FILTERS, **_SORTS, **_OTHERS}


def measure(ground: Ground, options: Options) -> Findings:
    took: dict[tuple[str, int], list[float]] = defaultdict(list)
    changed: dict[str, list[float]] = defaultdict(list)
    with ExitStack() as running:
        port = {}
        for coins in (FEW, MANY):
            url = running.enter_context(ground.database())
            say(f"scale: ingesting {coins:,} coins")
            fill(ground, url, coins)
            port[coins] = running.enter_context(ours(ground, url, NO_ANSWERS_KEPT))
        for turn in range(options.rounds):
            say(f"scale, round {turn + 1} of {options.rounds}")
            for what, path in READS.items():
                for coins in (FEW, MANY) if turn % 2 else (MANY, FEW):
                    told = load(port[coins], 1, _SECONDS, [path], fewest=5)
                    took[what, coins].append(told.p50)
                changed[what].append(_first_after_a_change(url, port[MANY], path))
    return _findings(took, changed)


def _first_after_a_change(url: str, port: int, path: str) -> float:
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("UPDATE data_version SET changes = changes + 1")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        begun = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise Bad(f"GET {path} was answered {answer.status}")
        return time.perf_counter() - begun
    finally:
        connection.close()


def _findings(took: dict[tuple[str, int], list[float]], changed: dict[str, list[float]]) -> Findings:
    found = Findings("Ten times the coins")

    def slower(what: str) -> list[float]:
        return ratios(took[what, MANY], took[what, FEW])

    def row(name: str, what: str) -> Row:
        return Row(
            f"{name}, {MANY:,} coins",
            f"at {FEW:,}",
            slower(what),
            Target(1.3),
            seconds(middle(took[what, MANY])),
            seconds(middle(took[what, FEW])),
        )

    def slowest(group: dict[str, str]) -> str:
        return max(group, key=lambda what: middle(slower(what)))

    found.rows = [row(f"GET {READS[what]}", what) for what in (*_PAGES, *_OTHERS)]
    for group in (_FILTERS, _SORTS):
        what = slowest(group)
        found.rows.append(row(f"the slowest of {len(group)} ({what})", what))
    found.add_table(
        "No answer kept, one connection, medians",
        ("read", f"{FEW:,}", f"{MANY:,}", "ratio", "holds", "first after a change"),
        [
            [
                what,
                seconds(middle(took[what, FEW])),
                seconds(middle(took[what, MANY])),
                times(middle(slower(what))),
                "yes" if Target(1.3).holds(middle(slower(what))) else "no",
                seconds(middle(changed[what])),
            ]
            for what in READS
        ],
    )
    found.notes.append(
        f"`first after a change` is the first answer at {MANY:,} coins after the data's version advanced, when neither "
        "an answer nor the order of a list is known; median of the rounds."
    )
    return found
