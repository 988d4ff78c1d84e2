"""A rate budget over a real Valkey: no window sees more requests than it, whoever sends them, and whatever happens."""

from __future__ import annotations

import threading
import time

import pytest
from redis import Redis

from core.errors import NotYet, Unavailable
from local.valkey import Valkey
from tests.waiting import until
from workers.budget import SHRUNK_SECONDS, Budget
from workers.queue import connect

NOWHERE = "redis://127.0.0.1:1"
# The log counts in milliseconds.
GRAIN = 0.002


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def spend(budget: Budget, times: int = 1, source: str = "coingecko") -> None:
    for _ in range(times):
        with budget.turn(source):
            pass


def refused(budget: Budget, source: str = "coingecko") -> NotYet:
    with pytest.raises(NotYet) as caught, budget.turn(source):
        raise AssertionError("a request went out")
    return caught.value


def test_no_window_sees_more_requests_than_the_budget_whoever_sends_them(redis_url: str) -> None:
    rate, window, wanted = 10, 0.5, 45
    seen: list[float] = []
    lock = threading.Lock()

    def work(budget: Budget) -> None:
        while True:
            try:
                with budget.turn("coingecko"), lock:
                    if len(seen) >= wanted:
                        return
                    seen.append(time.time())
            except NotYet as reason:
                threading.Event().wait(reason.seconds)

    # Four processes' budgets, each with connections of its own, four threads each.
    budgets = [Budget(connect(redis_url), {"coingecko": rate}, window=window) for _ in range(4)]
    threads = [threading.Thread(target=work, args=[budget]) for budget in budgets for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(seen) == wanted
    spans = [later - earlier for earlier, later in zip(seen, seen[rate:], strict=False)]
    assert min(spans) >= window - GRAIN


def test_who_comes_too_late_is_told_when_the_next_fits(redis_url: str) -> None:
    budget = Budget(connect(redis_url), {"coingecko": 2}, window=30)
    spend(budget, 2)
    reason = refused(budget)
    assert 0 < reason.seconds <= 30
    assert (reason.at_a_time, reason.apart) == (2, 30)


def test_a_request_under_way_counts_until_it_has_ended_and_for_a_window_after(redis_url: str) -> None:
    budget = Budget(connect(redis_url), {"coingecko": 1}, window=0.05, longest=60)
    with budget.turn("coingecko"):
        threading.Event().wait(0.15)
        refused(budget)
    refused(budget)
    until(lambda: budget.left()["coingecko"].left, "the request leaves the log")
    spend(budget)


def test_a_request_that_failed_counts_too(redis_url: str) -> None:
    budget = Budget(connect(redis_url), {"coingecko": 1})
    with pytest.raises(OSError, match="reset"), budget.turn("coingecko"):
        raise OSError("reset")
    refused(budget)


def test_each_source_has_a_budget_of_its_own_and_some_have_none(redis_url: str) -> None:
    budget = Budget(connect(redis_url), {"coingecko": 1, "coinpaprika": 1})
    spend(budget)
    spend(budget, source="coinpaprika")
    spend(budget, 5, source="csv")
    refused(budget)


def test_a_429_halves_the_budget_for_all_and_for_a_while_only(redis_url: str) -> None:
    budget, other = (Budget(connect(redis_url), {"coingecko": 5}) for _ in range(2))
    for _ in range(2):
        budget.shrink("coingecko")
    budget.shrink("csv")
    spend(other, 2)
    refused(other)
    assert (other.left()["coingecko"].per_minute, other.left()["coingecko"].left) == (2, 0)
    with Redis.from_url(redis_url) as valkey:
        assert 0 < valkey.ttl("budget:coingecko:shrunk") <= SHRUNK_SECONDS
        valkey.delete("budget:coingecko:shrunk")
    spend(other, 3)
    refused(other)


def test_the_log_does_not_outlive_its_use(redis_url: str) -> None:
    spend(Budget(connect(redis_url), {"coingecko": 5}, window=10, longest=7))
    with Redis.from_url(redis_url) as valkey:
        assert 0 < valkey.pttl("budget:coingecko:log") <= 17_000


def test_without_redis_a_process_is_silent_for_a_window_and_then_keeps_to_its_share() -> None:
    clock = Clock()
    budget = Budget(connect(NOWHERE), {"coingecko": 10}, processes=4, clock=clock)
    assert refused(budget).seconds == 60
    clock.now += 60
    spend(budget, 2)
    clock.now += 20
    assert refused(budget).seconds == 40
    clock.now += 40
    spend(budget, 2)
    refused(budget)
    budget.shrink("coingecko")
    with pytest.raises(Unavailable):
        budget.left()


def test_without_redis_a_budget_too_small_to_share_is_not_spent_at_all() -> None:
    clock = Clock()
    budget = Budget(connect(NOWHERE), {"coingecko": 3}, processes=4, clock=clock)
    clock.now += 1000
    assert refused(budget).seconds == 60


def test_when_redis_is_back_it_hears_what_was_sent_without_it(own_valkey: Valkey) -> None:
    clock = Clock()
    budget = Budget(connect(own_valkey.url), {"coingecko": 4}, clock=clock)
    own_valkey.stop()
    clock.now += 60
    spend(budget, 3)
    own_valkey.start()
    spend(budget)
    refused(budget)


def test_a_redis_that_is_full_keeps_the_budget(own_valkey: Valkey) -> None:
    with Redis.from_url(own_valkey.url) as valkey:
        valkey.config_set("maxmemory", "1")
    budget = Budget(connect(own_valkey.url), {"coingecko": 4})
    spend(budget, 4)
    budget.shrink("coingecko")
    refused(budget)
