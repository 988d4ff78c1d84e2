"""The golden record is a pure function of a coin's quotes: the SQL that merges is held to the plain model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.registry import load_registry
from db.pool import Connection, Database
from db.quotes import Rules, merge_golden
from tests.merging import FIGURES, Candidate, Golden, golden

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PRIORITY = {"coingecko": 3, "coinpaprika": 2, "csv": 1}
HOUR = timedelta(hours=1)

figures = st.one_of(st.none(), st.decimals(-10, 10, places=3))
candidates = st.lists(
    st.builds(
        Candidate,
        source=st.sampled_from([*PRIORITY, "elsewhere"]),
        source_id=st.sampled_from("abc"),
        relation=st.sampled_from(["same", "same", "wrapped"]),
        observed_at=st.sampled_from([NOON - n * timedelta(minutes=30) for n in range(5)]),
        time_assumed=st.booleans(),
        figures=st.fixed_dictionaries(
            {name: figures for name in FIGURES if name != "rank"} | {"rank": st.one_of(st.none(), st.integers(1, 9))}
        ),
        flags=st.sampled_from([(), ("negative_price",)]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda candidate: (candidate.source, candidate.source_id),
)


def quote(
    source: str, price: str | None, *, minutes_ago: int = 0, assumed: bool = False, relation: str = "same"
) -> Candidate:
    given_price = {"price": None if price is None else Decimal(price)}
    return Candidate(
        source,
        source[:1],
        relation,
        NOON - timedelta(minutes=minutes_ago),
        assumed,
        dict.fromkeys(FIGURES) | given_price,
    )


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=2)
    yield database
    database.close()


def merged(connection: Connection, quotes: Sequence[Candidate]) -> Golden:
    """What the program makes of these quotes of one coin."""
    row = connection.execute(
        "INSERT INTO cryptocurrencies (canonical_id, symbol, name) VALUES ('x', 'X', 'Xcoin') RETURNING coin_key"
    ).fetchone()
    assert row
    for one in quotes:
        mapping = connection.execute(
            "INSERT INTO source_mappings (source, source_id, coin_key, symbol, name, symbol_key, name_key, relation,"
            " matched_by) VALUES (%s, %s, %s, 'x', 'Xcoin', 'x', 'xcoin', %s, 'new') RETURNING mapping_key",
            [one.source, one.source_id, row[0], one.relation],
        ).fetchone()
        assert mapping
        columns = ", ".join(FIGURES)
        connection.execute(
            f"INSERT INTO quotes (mapping_key, observed_at, time_assumed, fetched_at, flags, {columns})"  # noqa: S608
            f" VALUES (%s, %s, %s, now(), %s, {', '.join(['%s'] * len(FIGURES))})",
            [mapping[0], one.observed_at, one.time_assumed, list(one.flags), *(one.figures[name] for name in FIGURES)],
        )
    merge_golden(connection, [row[0]], Rules(load_registry(), PRIORITY, HOUR.total_seconds(), fold_wrapped=True))
    found = connection.execute(
        f"SELECT source, last_updated, time_assumed, flags, provenance, {columns} FROM cryptocurrencies"  # noqa: S608
    ).fetchone()
    assert found
    source, last_updated, time_assumed, flags, provenance, *values = found
    return Golden(source, last_updated, time_assumed, tuple(flags), dict(zip(FIGURES, values, strict=True)), provenance)


def winner(database: Database, *quotes: Candidate) -> tuple[str, Decimal | int | None]:
    with database.transaction() as connection:
        record = merged(connection, quotes)
    return record.source, record.figures["price"]


@given(quotes=candidates)
@example(quotes=[quote("csv", "1", assumed=True), quote("coingecko", None, minutes_ago=120)])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_golden_record_is_what_the_plain_model_says(database: Database, quotes: list[Candidate]) -> None:
    with database.connection() as connection, connection.transaction(force_rollback=True):
        assert merged(connection, quotes) == golden(quotes, PRIORITY, HOUR)


def test_among_fresh_quotes_the_highest_priority_wins(database: Database) -> None:
    assert winner(database, quote("csv", "1"), quote("coingecko", "3", minutes_ago=50), quote("coinpaprika", "2")) == (
        "coingecko",
        Decimal(3),
    )


def test_a_stale_quote_loses_to_a_fresh_one_of_lower_priority(database: Database) -> None:
    assert winner(database, quote("coinpaprika", "2"), quote("coingecko", "3", minutes_ago=61))[0] == "coinpaprika"


def test_an_assumed_time_makes_no_other_quote_stale(database: Database) -> None:
    assert winner(database, quote("csv", "1", assumed=True), quote("coingecko", "3", minutes_ago=600))[0] == "coingecko"


def test_a_wrapped_quote_never_wins_over_a_native_one_and_fills_none_of_its_gaps(database: Database) -> None:
    native = quote("csv", None, minutes_ago=600)
    assert winner(database, quote("coingecko", "3", relation="wrapped"), native) == ("csv", None)


def test_a_gap_of_the_winner_is_filled_from_the_next_source(database: Database) -> None:
    assert winner(database, quote("coingecko", None), quote("csv", "1"), quote("coinpaprika", "2")) == (
        "coingecko",
        Decimal(2),
    )
