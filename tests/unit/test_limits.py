"""So many requests a minute, counted together by all processes, and without Redis by each for itself."""

from __future__ import annotations

import pytest
import redis
from fakeredis import FakeRedis, FakeServer

from web import limits
from web.limits import Limit, by_address


class Clock:
    def __init__(self) -> None:
        self.now = 6000.0

    def __call__(self) -> float:
        return self.now


def _away() -> redis.Redis:
    server = FakeServer()
    server.connected = False
    return FakeRedis(server=server)


def _questions(client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Grows with each time that the client is asked."""
    asked: list[object] = []
    pipeline = client.pipeline

    def noted(**options: bool) -> object:
        asked.append(options)
        return pipeline(**options)

    monkeypatch.setattr(client, "pipeline", noted)
    return asked


def _passed(limit: Limit, caller: str, tries: int) -> int:
    return sum(not limit.count(caller).refused for _ in range(tries))


def test_what_is_beyond_the_limit_is_refused_until_the_minute_is_over() -> None:
    clock = Clock()
    limit = Limit("reads", 10, FakeRedis(), clock=clock)
    assert _passed(limit, "ann", 30) == 10
    assert _passed(limit, "bob", 5) == 5
    clock.now += 59
    assert limit.count("ann").refused
    clock.now += 1
    assert _passed(limit, "ann", 30) == 10


def test_each_answer_says_what_is_left_and_for_how_long() -> None:
    clock = Clock()
    limit = Limit("reads", 10, FakeRedis(), clock=clock)
    clock.now += 15.5
    assert limit.count("ann").headers() == [
        ("RateLimit-Policy", '"reads";q=10;w=60'),
        ("RateLimit", '"reads";r=9;t=45'),
    ]
    for _ in range(10):
        last = limit.count("ann")
    assert last.headers()[1] == ("RateLimit", '"reads";r=0;t=45')
    refused = last.problem()
    assert (refused.status, refused.headers) == (429, {"Retry-After": "45"})


@pytest.mark.parametrize("per_minute", [10, 1000])
def test_processes_count_together_but_for_a_hundredth_each(per_minute: int) -> None:
    server, clock = FakeServer(), Clock()
    processes = [Limit("reads", per_minute, FakeRedis(server=server), processes=4, clock=clock) for _ in range(4)]
    passed = sum(not processes[number % 4].count("ann").refused for number in range(3 * per_minute))
    assert per_minute <= passed <= per_minute + 4 * max(0, per_minute // 100 - 1)


def test_redis_is_asked_seldom_and_not_at_all_for_who_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    client = FakeRedis()
    asked = _questions(client, monkeypatch)
    limit = Limit("reads", 1000, client, clock=Clock())
    _passed(limit, "ann", 5000)
    assert 100 <= len(asked) <= 103


def test_without_redis_each_process_keeps_to_its_share() -> None:
    clock = Clock()
    limit = Limit("reads", 100, _away(), processes=4, clock=clock)
    limit.count("ann")
    assert 24 <= _passed(limit, "ann", 200) <= 25


def test_a_redis_that_is_away_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    client = _away()
    asked = _questions(client, monkeypatch)
    clock = Clock()
    limit = Limit("writes", 10, client, clock=clock)
    _passed(limit, "ann", 100)
    assert len(asked) == 1
    clock.now += 6
    _passed(limit, "bob", 5)
    assert len(asked) == 2


def test_memory_is_bounded_however_many_addresses_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST_CALLERS", 100)
    limit = Limit("reads", 10, FakeRedis(), clock=Clock())
    refused = [limit.count(f"10.0.{number}.1").refused for number in range(250)]
    assert not any(refused[:110])
    assert all(refused[111:])


def test_an_ipv6_customer_is_one_caller_and_an_ipv4_address_is_one_in_either_spelling() -> None:
    assert by_address("2001:db8:1:2:3::4") == by_address("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert by_address("2001:db8:1:3::1") != by_address("2001:db8:1:2::1")
    assert by_address("::ffff:192.0.2.1") == by_address("192.0.2.1") == "192.0.2.1"
    assert by_address("") == ""
    assert by_address("unix:") == "unix:"


def test_there_is_room_for_who_is_let_through_without_asking_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    client = FakeRedis()
    asked = _questions(client, monkeypatch)
    limit = Limit("reads", 400, client, clock=Clock())
    refused = 0
    while not refused:
        before = len(asked)
        room = limit.has_room("ann")
        refused += limit.count("ann").refused
        # Whoever there is room for is let through, and Redis isn't asked.
        assert not (room and (refused or len(asked) > before))
    assert len(asked) <= 101


def test_who_may_not_wait_leaves_the_settling_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    client = FakeRedis()
    asked = _questions(client, monkeypatch)
    ours, theirs = (Limit("reads", 400, shared, clock=Clock()) for shared in (client, client))
    for _ in range(100):
        assert not ours.count("ann", may_wait=False).refused
    assert asked == []
    assert not ours.has_room("ann")
    assert ours.count("ann").left == 299
    # Now the others know, too.
    assert _passed(theirs, "ann", 400) <= 300


def test_who_may_not_wait_is_refused_beyond_the_limit() -> None:
    limit = Limit("reads", 10, FakeRedis(), clock=Clock())
    assert [limit.count("ann", may_wait=False).refused for _ in range(12)] == [False] * 10 + [True] * 2
