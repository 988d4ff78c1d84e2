"""The market's totals, kept up to date by whoever writes, are what adding up all coins would give; digit for digit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.kept import Kept
from core.models import Quote
from db import coins
from db.corrections import NoSuchMapping, correct, forget
from db.pool import Database
from db.quotes import store
from db.reprocess import rebuild_identity, rebuild_records
from tests.quoting import NOON, RULES, stored

ADDED_UP = """
    SELECT count(*), coalesce(trim_scale(sum(market_cap) FILTER (WHERE flags = '{}')), 0)::text,
           (trim_scale(sum(price) FILTER (WHERE flags = '{}'))
            / nullif(count(price) FILTER (WHERE flags = '{}'), 0))::text
    FROM cryptocurrencies
"""
NAMES = ["aa", "bb", "cc", "dd"]

figures = st.one_of(
    st.none(), st.sampled_from(["1", "2.50", "0.3333333333", "1.223e-09", "-4", "123456789012345678.9"])
)
quotes = st.builds(
    lambda name, price, cap, flagged: Quote(
        name, name, name, price and Decimal(price), cap and Decimal(cap), observed_at=NOON, flags=flagged
    ),
    st.sampled_from(NAMES),
    figures,
    figures,
    st.sampled_from([(), (), ("odd",)]),
)
steps = st.one_of(
    st.tuples(
        st.just("store"),
        st.sampled_from(["csv", "coingecko"]),
        st.lists(quotes, max_size=4, unique_by=lambda each: each.source_id),
    ),
    st.tuples(st.just("correct"), st.sampled_from(["csv", "coingecko"]), st.sampled_from(NAMES)),
    st.tuples(st.just("forget"), st.sampled_from(["csv", "coingecko"]), st.sampled_from(NAMES)),
    st.tuples(st.sampled_from(["clear", "rebuild"])),
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=4)
    yield database
    database.close()


def _shown(database: Database) -> tuple[object, ...]:
    """What /stats says, and how long the list is, as text with the digits that stand there."""
    with database.connection() as connection:
        stats = json.loads(coins.market_stats(connection).text, parse_float=str, parse_int=str)
        page = json.loads(coins.page_of_coins(connection, coins.CoinQuery(1, 1), Kept(0)).text)
    return page["total"], stats["total_coins"], stats["total_market_cap"], stats["average_price"]


def _added_up(database: Database) -> tuple[object, ...]:
    with database.connection() as connection:
        row = connection.execute(ADDED_UP).fetchone()
    assert row
    return row[0], str(row[0]), row[1], row[2]


def _rebuild(database: Database) -> None:
    with database.transaction() as connection:
        rebuild_identity(connection, RULES)
    behind: int | None = 0
    while behind is not None:
        with database.transaction() as connection:
            behind = rebuild_records(connection, behind, RULES)


def _take(step: tuple[Any, ...], database: Database) -> None:
    match step:
        case "store", source, batch:
            stored(database, source, batch)
        case "correct", source, name:
            with suppress(NoSuchMapping), database.transaction() as connection:
                correct(connection, source, name, RULES, canonical_id="one-for-all", relation="same")
        case "forget", source, name:
            with suppress(NoSuchMapping), database.transaction() as connection:
                forget(connection, source, name, RULES)
        case ("clear",):
            with database.transaction() as connection:
                coins.clear_data(connection)
        case ("rebuild",):
            _rebuild(database)


@given(taken=st.lists(steps, min_size=1, max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_merges_corrections_clearing_and_rebuilding_the_totals_are_those_of_the_coins(
    database: Database, taken: Sequence[tuple[Any, ...]]
) -> None:
    _take(("clear",), database)
    assert _shown(database) == (0, "0", "0", None)
    for step in taken:
        _take(step, database)
        assert _shown(database) == _added_up(database)


def test_writers_at_once_wait_for_none_and_the_totals_have_what_was_committed(
    database: Database, database_url: str
) -> None:
    def batch(name: str, price: str, minutes: int = 0) -> list[Quote]:
        return [Quote(name, name, name, Decimal(price), Decimal(price), observed_at=NOON + timedelta(minutes=minutes))]

    with ExitStack() as open_until_the_end:
        writers = [
            open_until_the_end.enter_context(psycopg.connect(database_url, options="-c lock_timeout=2000"))
            for _ in range(3)
        ]
        # Ids that are known already: newcomers take turns at identity.
        for name in NAMES[:3]:
            stored(database, "csv", batch(name, "1"))
        for writer, name in zip(writers, NAMES, strict=False):
            store(writer, "csv", batch(name, "10.5", minutes=1), NOON, RULES)
        assert _shown(database) == _added_up(database) == (3, "3", "3", "1.00000000000000000000")
        writers[1].commit()
        writers[0].rollback()
        assert _shown(database) == _added_up(database)
        writers[2].commit()
        assert _shown(database) == _added_up(database)
        assert _shown(database)[:3] == (3, "3", "22")
