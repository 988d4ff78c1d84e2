"""Requests a second at 16 connections, beside FastAPI with asyncpg and pydantic on the same tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg

from bench.contenders import OURS, PEERS, Bad
from bench.figures import middle, number, ratios, seconds, times
from bench.ground import Ground, say
from bench.jobs import until_ended, upload
from bench.load import Told, load
from bench.options import Options
from bench.results import Findings, Row, Target
from local import ports

COINS = 20_000
CONNECTIONS = 16
# Answers are made anew each time; the order of a list may still be known.
NO_ANSWERS_KEPT = {"ANSWER_CACHE_BYTES": "0"}
PATHS = {"data": "/api/v1/data?page_size=50", "coin": "/api/v1/coins/btc", "stats": "/api/v1/stats"}
# It answers everything alike.
_BARE_PATHS = {"coin": PATHS["coin"]}
_WARM_SECONDS, _SECONDS = 1.0, 4.0
_COMPUTED, _KEYS, _CACHED, _PEER = "ours, computed", "ours, orders kept", "ours, unchanged data", "FastAPI"
_BARE = "gunicorn alone"

Measured = dict[tuple[str, str], list[Told]]


def measure(ground: Ground, options: Options) -> Findings:
    measured: Measured = defaultdict(list)
    with ground.database() as url:
        fill(ground, url, COINS)
        servers = {_COMPUTED: _computed, _KEYS: _orders_kept, _PEER: _fastapi, _CACHED: _cached, _BARE: _bare}
        names = list(servers)
        for turn in range(options.rounds):
            say(f"reads, round {turn + 1} of {options.rounds}")
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                with servers[name](ground, url) as port:
                    for what, path in (_BARE_PATHS if name == _BARE else PATHS).items():
                        load(port, CONNECTIONS, _WARM_SECONDS, [path])
                        told = load(port, CONNECTIONS, _SECONDS, [path])
                        measured[name, what].append(told)
                        say(f"  {name}, {what}: {told.rate:,.0f}/s, p99 {seconds(told.p99)}, {told.errors} errors")
    return _findings(measured)


def fill(ground: Ground, url: str, coins: int) -> None:
    """Ingest so many coins, and let Postgres know about it, as autovacuum would in a minute."""
    with ground.program(url) as program:
        until_ended(url, upload(program, ground.sample(coins)))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


@contextmanager
def ours(ground: Ground, url: str, settings: Mapping[str, str]) -> Iterator[int]:
    """Two web processes, and a worker process that idles; the port."""
    with ground.program(url, settings, web_processes=2, worker_processes=1) as program:
        yield program.port


@contextmanager
def _cached(ground: Ground, url: str) -> Iterator[int]:
    with ours(ground, url, {}) as port:
        yield port


@contextmanager
def _orders_kept(ground: Ground, url: str) -> Iterator[int]:
    with ours(ground, url, NO_ANSWERS_KEPT) as port:
        yield port


@contextmanager
def _computed(ground: Ground, url: str) -> Iterator[int]:
    with nothing_known(url), ours(ground, url, NO_ANSWERS_KEPT) as port:
        yield port


@contextmanager
def nothing_known(url: str) -> Iterator[None]:
    """Nothing that anyone keeps of this database is ever right: the data's version is another one at each look."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT pg_get_functiondef('data_version'::regproc)").fetchone()
        if not found:
            raise Bad("there is no data_version()")
        connection.execute(
            "CREATE OR REPLACE FUNCTION data_version() RETURNS text LANGUAGE sql VOLATILE AS 'SELECT random()::text'"
        )
        try:
            yield
        finally:
            connection.execute(found[0])


@contextmanager
def _fastapi(ground: Ground, url: str) -> Iterator[int]:
    port = ports.pick()
    line = (
        f"exec {PEERS} -m uvicorn bench.peers.fastapi_app:app --host 127.0.0.1 --port {port} --workers 2 "
        "--no-access-log --log-level warning"
    )
    with ground.served(line, {"DATABASE_URL": url}, answers=f"http://127.0.0.1:{port}{PATHS['stats']}"):
        yield port


@contextmanager
def _bare(ground: Ground, _url: str) -> Iterator[int]:
    """The program's own server and worker class, around an application that does nothing."""
    port = ports.pick()
    line = (
        f"exec {OURS} -m gunicorn --worker-class web.arrivals.PatientWorker --threads 8 --keep-alive 15 "
        f"--no-control-socket --bind 127.0.0.1:{port} bench.peers.bare_wsgi:app"
    )
    with ground.served(line, {"WEB_CONCURRENCY": "2"}, answers=f"http://127.0.0.1:{port}/"):
        yield port


def _findings(measured: Measured) -> Findings:
    def rates(name: str, what: str) -> list[float]:
        return [told.rate for told in measured[name, what]]

    def p99s(name: str, what: str) -> list[float]:
        return [told.p99 for told in measured[name, what]]

    found = Findings("Reads")
    for name, least in ((_COMPUTED, 3.0), (_KEYS, 3.0), (_CACHED, 12.0)):
        for what, path in PATHS.items():
            mine, theirs = rates(name, what), rates(_PEER, what)
            found.rows.append(
                Row(
                    f"GET {path}, {name.removeprefix('ours, ')}, requests/s",
                    _PEER,
                    ratios(mine, theirs),
                    Target(least, at_least=True),
                    number(middle(mine)),
                    number(middle(theirs)),
                )
            )
            mine, theirs = p99s(name, what), p99s(_PEER, what)
            found.rows.append(
                Row(
                    f"GET {path}, {name.removeprefix('ours, ')}, p99",
                    _PEER,
                    ratios(mine, theirs),
                    Target(1.0),
                    seconds(middle(mine)),
                    seconds(middle(theirs)),
                )
            )
    found.add_table(
        f"{COINS:,} coins, {CONNECTIONS} connections, two server processes",
        ("what", "who", "requests/s", "p50", "p99", "errors", "client's core"),
        [
            [
                PATHS[what],
                name,
                number(middle([told.rate for told in tolds])),
                seconds(middle([told.p50 for told in tolds])),
                seconds(middle([told.p99 for told in tolds])),
                str(sum(told.errors for told in tolds)),
                times(middle([told.client for told in tolds])),
            ]
            for (name, what), tolds in sorted(measured.items(), key=lambda item: list(PATHS).index(item[0][1]))
        ],
    )
    alone = middle(ratios(rates(_BARE, "coin"), rates(_PEER, "coin")))
    beside = middle(ratios(rates(_CACHED, "coin"), rates(_BARE, "coin")))
    found.notes += [
        "The client is `bench/load.py`, one process on the same cores; `client's core` is how much of one it needed. "
        "Where that is near 1 the client is the limit. For `computed` the data have another version at each look, so "
        "that nothing kept is ever right; with `orders kept` each answer is made anew, by the list's known order. In "
        "both, requests that wait for the same answer in one process share an asking that began after they came.",
        f"`gunicorn alone` has its answer ready and asks nobody, but in a thread for each request: {times(alone)} of "
        f"FastAPI's requests/s for one coin. Unchanged data, whose requests need none, reach {times(beside)} of that.",
    ]
    return found
