"""A whole market out of CoinGecko's API, beside fetching and parsing its pages alone."""

from __future__ import annotations

import time
from datetime import timedelta

from bench.contenders import contender
from bench.figures import middle, number, ratios, seconds
from bench.ground import Ground, say, tell
from bench.jobs import post, until_ended
from bench.options import Options
from bench.results import Findings, Row, Target
from tests.upstream.markets import MADE_AT, Markets, made_up
from tests.upstream.server import Upstream

COINS = 18_000
_WORKER_PROCESSES = 2


class _Moving:
    """The stand-in's market; prices and times move when told to, so that each refresh brings news."""

    def __init__(self) -> None:
        self._minutes = 0
        self._now = made_up(COINS)

    def move(self) -> None:
        self._minutes += 1
        self._now = made_up(COINS, MADE_AT + timedelta(minutes=self._minutes))

    def __call__(self) -> Markets:
        return self._now


def measure(ground: Ground, options: Options) -> Findings:
    market = _Moving()
    ours: list[float] = []
    alone: list[float] = []
    pages = 0.0
    with (
        Upstream(market) as upstream,
        ground.database() as url,
        ground.program(url, upstream.environ, worker_processes=_WORKER_PROCESSES) as program,
    ):
        until_ended(url, post(program, f"/api/v1/ingest/coingecko?limit={COINS}"))
        for turn in range(options.rounds):
            say(f"refresh, round {turn + 1} of {options.rounds}")
            market.move()
            ground.settle()
            for who in ("ours", "alone") if turn % 2 else ("alone", "ours"):
                upstream.forget()
                if who == "ours":
                    begun = time.perf_counter()
                    job = post(program, f"/api/v1/ingest/coingecko?limit={COINS}")
                    ours.append(until_ended(url, job) - begun)
                    tell("ours", ours[-1])
                else:
                    with contender("bench.pages", str(COINS), environ=upstream.environ) as ready:
                        told = ready.go()
                    alone.append(told["seconds"])
                    pages = told["pages"]
                    tell("the pages alone", alone[-1])
    found = Findings("A whole market")
    found.rows = [
        Row(
            f"CoinGecko refresh, {COINS:,} coins, POST to succeeded",
            f"fetching and parsing its {pages:.0f} pages alone",
            ratios(ours, alone),
            Target(1.5),
            seconds(middle(ours)),
            seconds(middle(alone)),
        )
    ]
    found.add_table(
        f"{COINS:,} coins, {pages:.0f} pages, {_WORKER_PROCESSES} worker processes",
        ("who", "rounds", "median", "coins/s"),
        [
            [name, str(len(took)), seconds(middle(took)), number(COINS / middle(took))]
            for name, took in (("ours", ours), ("the pages alone", alone))
        ],
    )
    return found
