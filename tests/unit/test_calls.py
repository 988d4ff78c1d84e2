"""How sources answered is counted, and nothing of it is lost while it can't be delivered."""

from __future__ import annotations

from contextlib import suppress

import pytest
import requests

from core.calls import CALLS, Calls
from core.errors import ProjectError, Unavailable
from core.http import get_json
from db.pool import Database
from tests.upstream.server import Upstream
from workers import tally


def test_answers_are_counted_by_source_and_status() -> None:
    calls = Calls()
    for source, status in (("coingecko", 200), ("coingecko", 200), ("coingecko", 429), ("coinpaprika", 200)):
        calls.answered(source, status)
    assert calls.take() == {("coingecko", "200"): 2, ("coingecko", "429"): 1, ("coinpaprika", "200"): 1}
    assert not calls.take()


def test_a_source_that_makes_up_statuses_gets_no_counter_for_each() -> None:
    calls = Calls()
    for status in range(600, 1000):
        calls.answered("coingecko", status)
    assert calls.take() == {("coingecko", "other"): 400}


@pytest.mark.parametrize(
    ("error", "status"), [(requests.ReadTimeout(), "timeout"), (requests.ConnectionError(), "unreachable")]
)
def test_no_answer_is_counted_too(error: Exception, status: str) -> None:
    calls = Calls()
    with suppress(requests.RequestException), calls.noting_failure("coingecko"):
        raise error
    assert calls.take() == {("coingecko", status): 1}


def test_every_request_to_a_source_is_counted(upstream: Upstream) -> None:
    CALLS.take()
    with suppress(ProjectError):
        get_json("coingecko", f"{upstream.url}/nothing/here", params={}, timeout=10)
    with suppress(ProjectError):
        get_json("coingecko", "http://127.0.0.1:1/", params={}, timeout=10)
    taken = CALLS.take()
    assert taken["coingecko", "unreachable"] == 1
    assert sum(taken.values()) == 2


def test_what_could_not_be_delivered_is_delivered_another_time() -> None:
    calls = Calls()
    calls.answered("coingecko", 200)
    database = Database("postgresql://nobody@127.0.0.1:1/none", size=1)
    with pytest.raises(Unavailable):
        tally.deliver(database, calls)
    database.close()
    calls.answered("coingecko", 200)
    assert calls.take() == {("coingecko", "200"): 2}
