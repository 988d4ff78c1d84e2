"""Reads while 200 clients listen to events, beside the same reads alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.figures import middle, number, ratios, seconds
from bench.ground import Ground, say
from bench.load import Told, load
from bench.options import Options
from bench.results import Findings, Row, Target
from bench.suites.ingest import COINS
from bench.suites.reads import CONNECTIONS, fill

MANY = 200
_SECONDS = 5.0
_PATH = "/api/v1/coins/btc"
_ASK = b"GET /api/v1/events HTTP/1.1\r\nHost: bench\r\n\r\n"


def measure(ground: Ground, options: Options) -> Findings:
    alone: list[Told] = []
    listened: list[Told] = []
    for turn in range(options.rounds):
        say(f"reads beside {MANY} open event streams, round {turn + 1} of {options.rounds}")
        with ground.database() as url:
            fill(ground, url, COINS)
            with ground.program(url, web_processes=2, worker_processes=1) as program:
                load(program.port, CONNECTIONS, 1.0, [_PATH])
                alone.append(load(program.port, CONNECTIONS, _SECONDS, [_PATH]))
                with _listening(program.port):
                    listened.append(load(program.port, CONNECTIONS, _SECONDS, [_PATH]))
        say(f"  requests/s alone {number(alone[-1].rate)}, with {MANY} streams {number(listened[-1].rate)}")
    found = Findings(f"Reads beside {MANY} open event streams")
    found.rows = [
        Row(
            f"GET {_PATH} at {CONNECTIONS} connections with {MANY} open event streams, time a request",
            "without them",
            ratios([1 / told.rate for told in listened], [1 / told.rate for told in alone]),
            Target(1.1),
            seconds(middle([told.p50 for told in listened])),
            seconds(middle([told.p50 for told in alone])),
        )
    ]
    found.add_table(
        "Two web processes, 20,000 coins",
        ("streams", "requests/s", "p50", "p99", "errors"),
        [
            [
                name,
                number(middle([told.rate for told in tolds])),
                seconds(middle([told.p50 for told in tolds])),
                seconds(middle([told.p99 for told in tolds])),
                str(sum(told.errors for told in tolds)),
            ]
            for name, tolds in (("none", alone), (str(MANY), listened))
        ],
    )
    return found


@contextmanager
def _listening(port: int) -> Iterator[None]:
    """So many streams, open and greeted."""
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 30)) for _ in range(MANY)]
        for stream in opened:
            stream.sendall(_ASK)
        for stream in opened:
            received = b""
            while b"event: system" not in received:
                received += stream.recv(65536) or b"event: system"
        yield
