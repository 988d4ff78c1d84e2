"""A rate budget a source, shared by all workers: no minute, wherever it begins, sees more requests than that.

Redis keeps a log of the requests of the last minute for each source: a sorted set of times, by its own clock. A request
goes in before it is sent, with a time by which it must have ended, and gets the time of its answer's head afterwards:
the source has seen it between, so a request that leaves the log a minute after its end is out of every minute that the
source could count. A request that doesn't fit is told when the next one does; nobody waits here.

A 429 halves the budget for five minutes, for all. Without Redis a process keeps to its share, the budget divided by
the number of processes, after a minute of silence, because what the others did in that minute isn't known any more;
what it sent on its own goes into the log when Redis is back. A Redis that was emptied has forgotten the rest.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import redis

from core.errors import NotYet, Unavailable
from core.rates import rates_per_minute
from core.settings import Settings
from workers.queue import connect

SHRUNK_SECONDS = 300.0
_WINDOW_SECONDS = 60.0

# KEYS: the log, and the budget while it is shrunk. ARGV: budget, window, how long a request may take (milliseconds), a
# name for the request, then names and ages of those sent without us. Gives the milliseconds to wait, 0 for a yes.
_SPEND = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, held = tonumber(ARGV[2]), tonumber(ARGV[3])
for i = 5, #ARGV, 2 do redis.call('ZADD', KEYS[1], 'NX', now - ARGV[i + 1], ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local most = math.min(tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[2]) or ARGV[1]))
local count = redis.call('ZCARD', KEYS[1])
local wait = 0
if count < most then
    redis.call('ZADD', KEYS[1], now + held, ARGV[4])
else
    local leaves = redis.call('ZRANGE', KEYS[1], count - most, count - most, 'WITHSCORES')[2]
    wait = math.min(math.max(leaves + window - now, 1), window)
end
redis.call('PEXPIRE', KEYS[1], window + held)
return wait
"""

# The request has been seen by now: its time is set to that.
_ENDED = """
local time = redis.call('TIME')
return redis.call('ZADD', KEYS[1], 'XX', time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1])
"""

# The budget as it is now, and how much of it is spent.
_LOOK = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most = math.min(tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[2]) or ARGV[1]))
return {most, redis.call('ZCOUNT', KEYS[1], '(' .. (now - ARGV[2]), '+inf')}
"""


@dataclass(frozen=True, slots=True)
class Left:
    """How many requests a minute may see now (fewer after a 429), and how many more fit."""

    per_minute: int
    left: int


class Budget:
    """The budgets of all sources, by `rates`; a source without one is asked at will. Safe to share between threads.

    `longest` is how many seconds a request can take, `processes` how many processes share the budget.
    """

    def __init__(
        self,
        client: redis.Redis,
        rates: Mapping[str, int],
        *,
        processes: int = 1,
        longest: float = 60.0,
        window: float = _WINDOW_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._rates = rates
        self._processes = processes
        self._window = window
        self._clock = clock
        self._lock = threading.Lock()
        self._answered = clock()
        # What this process sent while Redis was away, by source: names and times.
        self._alone: dict[str, deque[tuple[str, float]]] = {source: deque() for source in rates}
        self._milliseconds = [round(window * 1000), round(longest * 1000)]
        self._spend: Any = client.register_script(_SPEND)
        self._ended: Any = client.register_script(_ENDED)
        self._look: Any = client.register_script(_LOOK)

    @classmethod
    def of(cls, settings: Settings, redis_url: str) -> Budget:
        """The one that the settings ask for; connects on first use."""
        return cls(
            connect(redis_url),
            rates_per_minute(settings),
            processes=settings.worker_processes,
            longest=2 * settings.http_timeout + 10,
        )

    @contextmanager
    def turn(self, source: str) -> Iterator[None]:
        """Around one request. Raises NotYet, before it is sent, when the budget is spent."""
        if source not in self._rates:
            yield
            return
        name = uuid.uuid4().hex
        self._take(source, name)
        try:
            yield
        finally:
            # If this fails, it stays in the log as if it took as long as a request can: longer than need be.
            with suppress(redis.RedisError):
                self._ended(keys=[_log(source)], args=[name])

    def shrink(self, source: str) -> None:
        """The source said 429: half of the budget for a while."""
        if source not in self._rates:
            return
        # Without Redis a process' share is small anyway.
        with suppress(redis.RedisError):
            half = max(1, self._rates[source] // 2)
            self._client.set(_shrunk(source), half, px=round(SHRUNK_SECONDS * 1000))

    def left(self) -> dict[str, Left]:
        """By source, what its budget has left now. Raises Unavailable when Redis is away."""
        try:
            seen = {
                source: self._look(keys=[_log(source), _shrunk(source)], args=[rate, self._milliseconds[0]])
                for source, rate in self._rates.items()
            }
        except redis.RedisError as error:
            raise Unavailable("Redis can't be reached now") from error
        return {source: Left(int(most), max(0, int(most) - int(spent))) for source, (most, spent) in seen.items()}

    def _take(self, source: str, name: str) -> None:
        rate = self._rates[source]
        with self._lock:
            alone = list(self._recent(source))
        ages = [part for sent, at in alone for part in (sent, round((self._clock() - at) * 1000))]
        try:
            wait = self._spend(keys=[_log(source), _shrunk(source)], args=[rate, *self._milliseconds, name, *ages])
        except redis.RedisError:
            wait = round(self._take_alone(source, name) * 1000)
        else:
            self._answered = self._clock()
        if wait:
            raise NotYet(
                f"The rate budget of {source} is spent",
                wait / 1000,
                at_a_time=rate,
                apart=self._window,
            )

    def _take_alone(self, source: str, name: str) -> float:
        """Spend of this process' share; the seconds to wait if that can't be."""
        with self._lock:
            now = self._clock()
            silence = self._answered + self._window - now
            if silence > 0:
                return silence
            alone = self._recent(source)
            if len(alone) >= self._rates[source] // self._processes:
                return (alone[0][1] + self._window - now) if alone else self._window
            alone.append((name, now))
            return 0.0

    def _recent(self, source: str) -> deque[tuple[str, float]]:
        alone = self._alone[source]
        while alone and alone[0][1] <= self._clock() - self._window:
            alone.popleft()
        return alone


def _log(source: str) -> str:
    return f"budget:{source}:log"


def _shrunk(source: str) -> str:
    return f"budget:{source}:shrunk"
