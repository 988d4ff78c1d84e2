"""A steady mixed load, by several clients at once, and a record of all that they were promised."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from random import Random

import psycopg
import requests

from tests.faults.stage import MARKET_SIZE, Stage
from tests.upstream.coins import coins
from tests.upstream.markets import MADE_AT

_TRIES = 40
# Steady, not ever more: what waits for its turn only tells how busy the machine is.
_MOST_OPEN = 30
_LIMITS = (5, 20, 60, 260, MARKET_SIZE)


@dataclass(frozen=True)
class Asked:
    """One request that was answered, and the promise in it. Times are seconds since 1970.

    `key` is its Idempotency-Key, if it has one, and `path` where it was sent.
    """

    what: str
    sent: float
    at: float
    status: int
    job: int | None
    key: str = ""
    path: str = ""


@dataclass(frozen=True)
class _Order:
    """A POST to `path`, with a file if there is one; `job` is the one that it is about."""

    path: str
    file: bytes = b""
    what: str = "post"
    job: int | None = None

    def send(self, session: requests.Session, url: str, key: str) -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        files = {"file": ("quotes.csv", self.file, "text/csv")} if self.file else None
        return session.post(url + self.path, headers=headers, files=files, timeout=10)


class Load:
    """Clients that post, cancel, retry and run dead letters again until told to stop. `asked` is what they know."""

    def __init__(self, stage: Stage, seed: int, *, clients: int = 4, pause: float = 0.5) -> None:
        self.asked: list[Asked] = []
        self.unanswered = 0
        self._stage = stage
        self._pause = pause
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._client, args=(number, Random(f"{seed} {number}")), name=f"client {number}")
            for number in range(clients)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Post nothing new; returns when every client has had its answers."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def jobs(self) -> list[int]:
        """The jobs that were promised so far, the latest last."""
        with self._lock:
            return [asked.job for asked in self.asked if asked.status == 202 and asked.job]

    def _client(self, number: int, random: Random) -> None:
        with requests.Session() as session:
            session.trust_env = False
            turn = 0
            while not self._stopping.wait(random.uniform(0, 2 * self._pause)):
                if self._open_tasks() > _MOST_OPEN:
                    continue
                turn += 1
                self._act(session, random, f"{number}-{turn}")

    def _open_tasks(self) -> int:
        with suppress(psycopg.OperationalError), self._stage.connect() as connection:
            row = connection.execute("SELECT count(*) FROM tasks WHERE state IN ('queued', 'running')").fetchone()
            return int(row[0]) if row else 0
        return 0

    def _act(self, session: requests.Session, random: Random, name: str) -> None:
        act = random.choices(("post", "keyed", "cancel", "retry", "letter"), (8, 6, 2, 2, 3))[0]
        order = self._chosen(session, random, act)
        if order is None:
            return
        key = f"key-{name}"
        if act == "keyed" or (act != "post" and random.random() < 0.5):
            self._post_at_once(order, [key] * random.randint(2, 3))
        elif act == "letter":
            # Two people at the same button.
            self._post_at_once(order, [f"{key}-a", f"{key}-b"])
        else:
            self._post(session, order, "")

    def _chosen(self, session: requests.Session, random: Random, act: str) -> _Order | None:
        """What an act is about; None when there is nothing of that kind."""
        if act in ("post", "keyed"):
            return _order(random)
        if act == "letter":
            return self._letter(session, random)
        known = self.jobs()
        if not known:
            return None
        job = random.choice(known[-8:])
        return _Order(f"/api/v1/jobs/{job}/{act}", what=act, job=job)

    def _letter(self, session: requests.Session, random: Random) -> _Order | None:
        """A dead letter to be run again, or now and then all of a source."""
        try:
            letters = session.get(f"{self._url}/api/v1/dead-letters", timeout=10).json().get("data", [])
        except requests.RequestException:
            return None
        if not letters:
            return None
        letter = random.choice(letters)
        if random.random() < 0.2:
            return _Order(f"/api/v1/dead-letters/retry?source={letter['source']}", what="letters")
        return _Order(str(letter["links"]["retry"]), what="letter")

    @property
    def _url(self) -> str:
        return self._stage.program.url

    def _post_at_once(self, order: _Order, keys: Sequence[str]) -> None:
        """The same request from several clients at the same time, as after a double click or an impatient proxy."""

        def post(key: str) -> None:
            with requests.Session() as session:
                session.trust_env = False
                self._post(session, order, key)

        twins = [threading.Thread(target=post, args=(key,)) for key in keys]
        for twin in twins:
            twin.start()
        for twin in twins:
            twin.join()

    def _post(self, session: requests.Session, order: _Order, key: str) -> None:
        """Only a request with a key may be sent again when nobody knows what became of it."""
        for _ in range(_TRIES if key else 1):
            if self._ask(session, order, key):
                return
            time.sleep(0.3)

    def _ask(self, session: requests.Session, order: _Order, key: str) -> bool:
        """Whether there was an answer that settles it; a 503 is one, but may be asked again."""
        sent = time.time()
        try:
            answer = order.send(session, self._url, key)
        except requests.RequestException:
            with self._lock:
                self.unanswered += 1
            return False
        status = answer.status_code
        made = int(answer.json()["id"]) if status == 202 else order.job
        with self._lock:
            self.asked.append(Asked(order.what, sent, time.time(), status, made, key, order.path))
        return status != 503


def _order(random: Random) -> _Order:
    kind = random.choices(("coingecko", "coinpaprika", "all", "csv", "upload", "again"), (4, 2, 2, 1, 2, 2))[0]
    limit = random.choice(_LIMITS)
    if kind == "upload":
        return _Order("/api/v1/ingest/csv", a_file(random, random.choice((3, 30, 200))))
    if kind == "again":
        return _Order("/api/v1/ingest/csv", a_growing_file(random.randrange(2), random.choice((20, 75, 80))))
    if kind == "csv":
        return _Order("/api/v1/ingest/csv")
    if kind == "all":
        return _Order(f"/api/v1/ingest/all?coingecko_limit={limit}&coinpaprika_limit={random.choice(_LIMITS)}")
    return _Order(f"/api/v1/ingest/{kind}?limit={limit}")


def a_file(random: Random, rows: int) -> bytes:
    """A CSV of coins that the upstream knows too, a line in ten of it unreadable."""
    known = list(coins(MARKET_SIZE, MADE_AT))
    lines = ["symbol,name,price,market_cap,volume_24h"]
    for coin in random.sample(known, rows):
        price = "a lot" if random.random() < 0.1 else f"{coin.price * random.randint(990, 1010) / 1000:f}"
        lines.append(f"{coin.symbol},{coin.name},{price},{coin.cap},{coin.volume}")
    return "\n".join(lines).encode()


def a_growing_file(which: int, rows: int) -> bytes:
    """One of few files of quotes with their times, which come again and again, as long as they were or longer.

    A page is a megabyte, so that 75 rows are two pages.
    """
    random = Random(f"growing {which}")
    known = list(coins(MARKET_SIZE, MADE_AT))
    lines = ["symbol,name,price,market_cap,volume_24h,date,remarks"]
    for day in range(rows):
        coin = random.choice(known)
        price = "a lot" if day % 10 == 0 else f"{coin.price * random.randint(990, 1010) / 1000:f}"
        at = MADE_AT - timedelta(days=day)
        lines.append(f"{coin.symbol},{coin.name},{price},{coin.cap},{coin.volume},{at:%Y-%m-%d},{'-' * 20_000}")
    return "\n".join(lines).encode()
