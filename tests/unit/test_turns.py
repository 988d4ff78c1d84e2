"""Every source that asks over HTTP takes a turn for each request, so that no rate budget can be passed by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from core.errors import NotYet
from core.settings import Settings
from core.sources import SOURCES
from core.sources.source import Ask
from tests.upstream.server import BINANCE, COINGECKO, COINPAPRIKA, KRAKEN, Upstream

OVER_HTTP = [name for name in SOURCES if name != "csv"]


class Turns:
    """Counts the turns taken, and those that ended; refuses all after `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = self.ended = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        if self.taken == self.most:
            raise NotYet("spent", 1.0)
        self.taken += 1
        try:
            yield
        finally:
            self.ended += 1


def ask(upstream: Upstream, turns: Turns, limit: int) -> Ask:
    return Ask(Settings.from_env(upstream.environ), limit=limit, turn=turns)


@pytest.mark.parametrize("source", OVER_HTTP)
def test_a_source_that_gets_no_turn_sends_nothing(upstream: Upstream, source: str) -> None:
    with pytest.raises(NotYet):
        list(SOURCES[source].pages(ask(upstream, Turns(0), 10), {}))
    assert upstream.log == []


@pytest.mark.parametrize("source", OVER_HTTP)
def test_a_source_takes_a_turn_for_each_request(upstream: Upstream, source: str) -> None:
    turns = Turns(100)
    list(SOURCES[source].pages(ask(upstream, turns, 300), {}))
    assert turns.taken == turns.ended == len(upstream.log) > 0


def test_a_fetch_keeps_the_pages_that_came_before_its_turns_were_spent(upstream: Upstream) -> None:
    pages = SOURCES["coingecko"].pages(ask(upstream, Turns(1), 300), {})
    assert next(pages).number == 1
    with pytest.raises(NotYet):
        next(pages)


@pytest.mark.parametrize("source", OVER_HTTP)
def test_a_redirect_takes_a_turn_of_its_own_and_a_reset_ends_one(upstream: Upstream, source: str) -> None:
    # What a source asks last, where it asks more than once.
    path = {"coingecko": COINGECKO, "coinpaprika": COINPAPRIKA, "binance": BINANCE, "kraken": KRAKEN}[source]
    list(SOURCES[source].pages(ask(upstream, Turns(100), 10), {}))
    usual = len(upstream.log)
    upstream.behave(path, "redirect", location=f"{upstream.url}{path}?vs_currency=usd&per_page=10")
    turns = Turns(100)
    list(SOURCES[source].pages(ask(upstream, turns, 10), {}))
    assert turns.taken == len(upstream.log) - usual == usual + 1
    upstream.behave(path, "reset")
    with pytest.raises(Exception, match="could not be reached"):
        list(SOURCES[source].pages(ask(upstream, turns, 10), {}))
    assert turns.taken == turns.ended == 2 * usual + 1
