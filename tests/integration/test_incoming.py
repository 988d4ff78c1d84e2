"""What a page says reaches the tables as it was said, whatever its texts are made of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from core.models import Quote
from db.pool import Database
from db.quotes import store_pages
from tests.factories import Factory
from tests.quoting import BARE_RULES, NOON, quote, stored

_ODD_TEXTS = [
    "back\\slash", "\\N", "\\.", "tab\tbed", "two\nlines", "cr\rlf\r\n", 'say "hi"', '"', "a,b", " x ", "🐶", "NULL",
    "{}", "\\",
]  # fmt: skip


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=2)
    yield database
    database.close()


def test_names_come_through_letter_by_letter(database: Database, factory: Factory) -> None:
    named = [quote(f"{place}{text}", f"{place}{text}", f"{text}{place}") for place, text in enumerate(_ODD_TEXTS)]
    half_named = [quote("only-symbol", "SYM", ""), quote("only-name", "", "Name")]
    stored(database, "coingecko", [*named, *half_named], BARE_RULES)
    found = factory.connection.execute("SELECT source_id, symbol, name FROM source_mappings").fetchall()
    assert sorted(found) == sorted((each.source_id, each.symbol, each.name) for each in [*named, *half_named])


def test_figures_times_ranks_and_flags_come_through(database: Database, factory: Factory) -> None:
    elsewhere = datetime(2026, 3, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    full = Quote(
        "full", "FULL", "Full", Decimal("1.223e-09"), Decimal("1E+21"), Decimal("-0.50"), Decimal("-3.00"),
        Decimal(2), Decimal(1), Decimal("1.10"), Decimal(7), Decimal(8), 9, elsewhere, ("negative_volume_24h", "odd"),
    )  # fmt: skip
    stored(database, "coingecko", [full, Quote("bare", "BARE", "Bare", None, market_cap=Decimal(1))], BARE_RULES)
    rows = factory.connection.execute(
        "SELECT price::text, market_cap::text, volume_24h::text, price_change_24h::text, high_24h::text, low_24h::text,"
        " circulating_supply::text, total_supply::text, max_supply::text, rank, observed_at, time_assumed, flags"
        " FROM quotes ORDER BY market_cap DESC"
    ).fetchall()
    figures = ("0.000000001223", "1" + 21 * "0", "-0.50", "-3.00", "2", "1", "1.10", "7", "8")
    assert rows == [
        (*figures, 9, elsewhere.astimezone(UTC), False, ["negative_volume_24h", "odd"]),
        (None, "1", *[None] * 8, NOON, True, []),
    ]


def test_each_page_names_the_coins_that_none_before_it_named(database: Database, factory: Factory) -> None:
    one, two, three = (quote(name, name, name) for name in ("one", "two", "three"))
    with database.transaction() as connection:
        pages = [([two, one], NOON), ([], NOON), ([one, three, two], NOON)]
        named = store_pages(connection, "coingecko", pages, BARE_RULES)
    coins: dict[int, str] = dict(
        factory.connection.execute("SELECT coin_key, canonical_id FROM cryptocurrencies").fetchall()
    )
    assert [[coins[key] for key in page] for page in named] == [["two", "one"], [], ["three"]]
