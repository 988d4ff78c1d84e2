"""History of batches that are large enough to be recorded in one go, as long as nothing of their times is on record."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest

from core.models import Quote
from db.pool import Database
from db.quotes import store
from tests.factories import Factory
from tests.quoting import NOON, RULES, quote, stored
from tests.waiting import until

COINS, MINUTES = 60, 20
_HISTORY = "SELECT source_id, observed_at, price FROM price_history JOIN source_mappings USING (mapping_key)"
_BLOCKED = """
    SELECT query FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%%INTO price_history%%'
"""
History = dict[tuple[str, datetime], Decimal]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url, size=4)) as opened:
        yield opened


def batch(first: int, price: str) -> Sequence[Quote]:
    """Of each coin a quote a minute, from `first` minutes after noon on."""
    return [
        quote(f"c{coin}", f"C{coin}", f"Coin {coin}", price, observed_at=NOON + timedelta(minutes=minute))
        for minute in range(first, first + MINUTES)
        for coin in range(COINS)
    ]


def told(*batches: Sequence[Quote]) -> History:
    """What stays of them: of two prices of one time the higher."""
    kept: History = {}
    for each in batches:
        for one in each:
            assert one.observed_at and one.price
            at = one.source_id, one.observed_at
            kept[at] = max(one.price, kept.get(at, one.price))
    return kept


def recorded(factory: Factory) -> History:
    rows = factory.connection.execute(_HISTORY).fetchall()
    found = {(row[0], row[1]): row[2] for row in rows}
    assert len(found) == len(rows)
    return found


def test_times_that_are_new_are_recorded_before_and_after_those_that_are_there(
    database: Database, factory: Factory
) -> None:
    batches = [batch(40, "1.10"), batch(80, "2.20"), batch(0, "3.30"), batch(60, "4.40")]
    for each in batches:
        stored(database, "csv", each)
    assert recorded(factory) == told(*batches)


@pytest.mark.parametrize("first", [0, 10, 19, -10])
@pytest.mark.parametrize("price", ["0.5", "2.5"])
def test_of_times_that_are_there_the_same_observation_stays_whichever_came_first(
    database: Database, factory: Factory, first: int, price: str
) -> None:
    stored(database, "csv", batch(0, "1.5"))
    stored(database, "csv", batch(first, price))
    assert recorded(factory) == told(batch(0, "1.5"), batch(first, price))


def test_a_single_time_that_is_there_keeps_none_of_the_others_out(database: Database, factory: Factory) -> None:
    alone = quote("c7", "C7", "Coin 7", "2.5", observed_at=NOON + timedelta(minutes=3))
    stored(database, "csv", batch(0, "1.5"))
    stored(database, "csv", [*batch(40, "1.5"), alone])
    assert recorded(factory) == told(batch(0, "1.5"), batch(40, "1.5"), [alone])


def test_what_a_batch_says_twice_is_recorded_once(database: Database, factory: Factory) -> None:
    stored(database, "csv", [*batch(0, "1"), *batch(5, "2"), *batch(0, "1")])
    assert recorded(factory) == told(batch(0, "1"), batch(5, "2"))


def test_of_two_batches_at_once_that_tell_of_the_same_times_neither_is_lost(
    database: Database, factory: Factory
) -> None:
    stored(database, "csv", batch(-100, "1"))
    later = threading.Thread(target=partial(stored, database, "csv", batch(10, "2.5")))
    with database.transaction() as connection:
        store(connection, "csv", batch(0, "1.5"), NOON, RULES)
        later.start()
        blocked = until(lambda: factory.connection.execute(_BLOCKED).fetchall(), "the later batch waits for the first")
    later.join(30)
    # It had seen no such times, and met them all the same.
    assert "ON CONFLICT" not in blocked[0][0]
    assert recorded(factory) == told(batch(-100, "1"), batch(0, "1.5"), batch(10, "2.5"))
