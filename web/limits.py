"""How often a key or an address may ask: so many requests a minute, counted together by all web processes.

A process counts by itself and settles with Redis after each hundredth of the limit that somebody has used, so that most
requests ask nobody. Together n processes may thereby let through n hundredths too many. While Redis is away each keeps
to its share of the limit. A minute is one of the clock: around its turn a client may use two minutes' worth.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from web.problems import Problem

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60
_STEPS = 100
# A request must not wait for a Redis that is slow; one that was is left alone for a while.
_REDIS_SECONDS = 0.25
_REST_SECONDS = 5.0
# Callers that are told apart in a minute; those beyond share one limit, and memory stays bounded.
_MOST_CALLERS = 50_000
_OTHERS = "others"
_LONGEST_NAME = 100
# All that one customer of a provider has: else one could take another address for each request.
_IPV6_CUSTOMER = 64


class Standing(NamedTuple):
    """Where a caller stands after a request: `left` is how many more fit into the minute's last `seconds`."""

    policy: str
    limit: int
    left: int
    seconds: int
    refused: bool

    def headers(self) -> list[tuple[str, str]]:
        """As draft-ietf-httpapi-ratelimit-headers has them since its eighth version."""
        return [
            ("RateLimit-Policy", f'"{self.policy}";q={self.limit};w={WINDOW_SECONDS}'),
            ("RateLimit", f'"{self.policy}";r={self.left};t={self.seconds}'),
        ]

    def problem(self) -> Problem:
        return Problem(
            429,
            f"More than {self.limit} {self.policy} a minute: try again in {self.seconds} s.",
            headers={"Retry-After": str(self.seconds)},
        )


@dataclass(slots=True)
class _Count:
    """Requests of a caller in this minute: those settled with Redis, by all, and ours since."""

    settled: int = 0
    own: int = 0


class Limit:
    """`per_minute` requests for each caller; `policy` says of what, in a word. Threads share it."""

    def __init__(
        self,
        policy: str,
        per_minute: int,
        client: redis.Redis,
        *,
        processes: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.policy = policy
        self.per_minute = per_minute
        self._client = client
        self._alone = max(1, per_minute // processes)
        self._step = max(1, per_minute // _STEPS)
        self._clock = clock
        self._lock = Lock()
        self._window = 0
        self._counts: dict[str, _Count] = {}
        self._away_until = float("-inf")

    def has_room(self, caller: str) -> bool:
        """Whether one more request of this caller is let through without asking Redis."""
        now = self._clock()
        most = self._most(now)
        with self._lock:
            count = self._count_of(caller, int(now // WINDOW_SECONDS))
            return count.own + 1 < self._step and count.settled + count.own < most

    def count(self, caller: str, *, may_wait: bool = True) -> Standing:
        """Count a request of this caller. It is to be refused when it is `refused`.

        Who may not wait for Redis leaves the settling to the next who may.
        """
        now = self._clock()
        window = int(now // WINDOW_SECONDS)
        most = self._most(now)
        with self._lock:
            count = self._count_of(caller, window)
            count.own += 1
            spent = count.settled + count.own
            # Who is refused anyway makes no work for Redis.
            asks = may_wait and count.settled <= most and now >= self._away_until
            due = count.own if asks and count.own >= self._step else 0
            if due:
                count.settled, count.own = spent, 0
        if due and (shared := self._settle(caller, window, due)) is not None:
            with self._lock:
                count.settled = max(count.settled, shared)
                spent = max(spent, shared)
        left = max(0, most - spent)
        return Standing(self.policy, most, left, WINDOW_SECONDS - int(now % WINDOW_SECONDS), refused=spent > most)

    def _most(self, now: float) -> int:
        return self.per_minute if now >= self._away_until else self._alone

    def _count_of(self, caller: str, window: int) -> _Count:
        if window != self._window:
            self._window, self._counts = window, {}
        count = self._counts.get(caller)
        if count is None:
            if len(self._counts) >= _MOST_CALLERS:
                return self._counts.setdefault(_OTHERS, _Count())
            count = self._counts[caller] = _Count()
        return count

    def _settle(self, caller: str, window: int, number: int) -> int | None:
        """Add to what all have counted; their sum, or None while Redis is away."""
        key = f"limit:{self.policy}:{window}:{caller[:_LONGEST_NAME]}"
        try:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.incrby(key, number)
            pipeline.expire(key, 2 * WINDOW_SECONDS)
            return int(pipeline.execute()[0])
        except redis.RedisError as error:
            self._away_until = self._clock() + _REST_SECONDS
            logger.warning("limits are counted without Redis for now: %s", type(error).__name__)
            return None


def connect(redis_url: str) -> redis.Redis:
    """A client that fails fast and never repeats by itself; connects on first use."""
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def by_address(address: str) -> str:
    """Whom an address stands for."""
    if ":" not in address:
        return address
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    network = int(found) >> _IPV6_CUSTOMER << _IPV6_CUSTOMER
    return f"{IPv6Address(network)}/{_IPV6_CUSTOMER}"
