"""Who uses the program all at once: readers, people at pages, one who ingests and polls, one who exports, listeners."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TypeAlias

import requests

from tests.faults.load import a_file

Step: TypeAlias = Callable[["Client"], None]

_TIMEOUT_SECONDS = 60
_ENDED = ("succeeded", "partial_success", "failed", "cancelled")
_COINS = ("btc", "eth", "sol", "xrp", "doge", "ada")
_SORTS = ("-market_cap", "price", "-volume_24h", "name", "-price_change_24h")


class Log:
    """What was asked by kind, how long each answer took, and what went wrong. For many threads."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.errors: Counter[str] = Counter()
        self.complaints: list[str] = []
        self._lock = threading.Lock()

    def add(self, kind: str, seconds: float, complaint: str = "") -> None:
        with self._lock:
            self.seconds[kind].append(seconds)
            if complaint:
                self.errors[kind] += 1
                self.complaints.append(f"{kind}: {complaint}")


class Client(threading.Thread):
    """Takes one of its steps after the other, until told to stop, with up to `pause` seconds between."""

    def __init__(self, url: str, log: Log, steps: Sequence[Step], *, seed: int, pause: float) -> None:
        super().__init__(name=f"client-{seed}")
        self.random = Random(seed)
        self.stopping = threading.Event()
        self._url = url
        self._log = log
        self._steps = steps
        self._pause = pause
        self._session = requests.Session()
        self._session.trust_env = False
        self._tags: dict[str, str] = {}

    def run(self) -> None:
        with self._session:
            while not self.stopping.wait(self.random.random() * self._pause):
                self.random.choice(self._steps)(self)

    def ask(
        self, kind: str, path: str, *, method: str = "GET", good: tuple[int, ...] = (200,), **options: object
    ) -> requests.Response | None:
        """Send a request, read all of the answer, and write down how it went; None when it went wrong."""
        begun = time.perf_counter()
        try:
            answer = self._session.request(method, self._url + path, timeout=_TIMEOUT_SECONDS, **options)  # type: ignore[arg-type]
        except requests.RequestException as error:
            self._log.add(kind, time.perf_counter() - begun, str(error))
            return None
        took = time.perf_counter() - begun
        if answer.status_code not in good:
            self._log.add(kind, took, f"{answer.status_code} {answer.text[:300]}")
            return None
        self._log.add(kind, took)
        return answer

    def ask_again(self, kind: str, path: str) -> None:
        """As a client that keeps what it was told: ask whether it is still right."""
        answer = self.ask(kind, path, good=(200, 304), headers={"If-None-Match": self._tags.get(path, '"none"')})
        if answer is not None and answer.headers.get("ETag"):
            self._tags[path] = answer.headers["ETag"]

    def wait_for(self, job: str) -> None:
        """Poll a job to its end, which must be a good one."""
        while not self.stopping.is_set():
            answer = self.ask("poll", job)
            state = answer.json()["state"] if answer is not None else "failed"
            if state in _ENDED:
                if state not in ("succeeded", "partial_success"):
                    self._log.add("job", 0, f"{job} ended as {state}")
                return
            self.stopping.wait(0.2)

    def listen(self, events: int) -> None:
        """Hear so many lines of an event stream, and leave."""
        begun = time.perf_counter()
        try:
            with self._session.get(f"{self._url}/api/v1/events", stream=True, timeout=_TIMEOUT_SECONDS) as stream:
                self._log.add("events", time.perf_counter() - begun, "" if stream.ok else f"{stream.status_code}")
                for number, _ in enumerate(stream.iter_lines()):
                    if number >= events or self.stopping.is_set():
                        return
        except requests.RequestException as error:
            self._log.add("events", time.perf_counter() - begun, str(error))


def _data(client: Client) -> None:
    page, sort = client.random.randint(1, 10), client.random.choice(_SORTS)
    client.ask("data", f"/api/v1/data?page={page}&page_size=50&sort={sort}")


def _search(client: Client) -> None:
    client.ask("search", f"/api/v1/data?search={client.random.choice(('bit', 'coin', 'al', 'zz'))}")


def _stats(client: Client) -> None:
    client.ask_again("stats", "/api/v1/stats")


def _coin(client: Client) -> None:
    client.ask("coin", f"/api/v1/coins/{client.random.choice(_COINS)}")


def _history(client: Client) -> None:
    interval = client.random.choice(("raw", "1h", "1d"))
    client.ask("history", f"/api/v1/coins/{client.random.choice(_COINS)}/history?interval={interval}")


def _page(client: Client) -> None:
    path = client.random.choice(("/", "/?page=2", f"/coins/{client.random.choice(_COINS)}", "/jobs", "/system"))
    client.ask("page", path, headers={"Accept": "text/html"})


def _health(client: Client) -> None:
    client.ask("health", client.random.choice(("/health", "/metrics", "/api/v1/jobs?page_size=10")))


def _ingest(client: Client) -> None:
    source = client.random.choice(("coingecko?limit=250", "coinpaprika?limit=250"))
    _order(client, "ingest", f"/api/v1/ingest/{source}")


def _upload(client: Client) -> None:
    file = a_file(client.random, client.random.choice((20, 200, 500)))
    _order(client, "upload", "/api/v1/ingest/csv", files={"file": ("coins.csv", file)})


def _order(client: Client, kind: str, path: str, **options: object) -> None:
    answer = client.ask(kind, path, method="POST", good=(202,), **options)
    if answer is not None:
        client.wait_for(answer.headers["Location"])


def _export(client: Client) -> None:
    what = client.random.choice(("coins", "quotes", "history"))
    client.ask("export", f"/api/v1/export?what={what}&format={client.random.choice(('csv', 'jsonl'))}")


def _listen(client: Client) -> None:
    client.listen(client.random.randint(5, 40))


# Who, how many of them, how long they think at most, and what they do.
CROWD: Mapping[str, tuple[int, float, Sequence[Step]]] = {
    "reader": (3, 0.05, (_data, _data, _data, _search, _stats, _stats, _coin, _coin, _history)),
    "person": (1, 0.5, (_page, _page, _page, _health)),
    "ingester": (2, 1.0, (_ingest, _upload)),
    "exporter": (1, 3.0, (_export,)),
    "listener": (4, 0.5, (_listen,)),
}
