"""The same inputs give the same coins, records and history, in whatever order, batches and repetitions they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.models import Quote
from core.sources.csvfile.ids import source_id as csv_id
from db.pool import Database
from db.quotes import Rules, clear
from tests.quoting import BARE_RULES, NOON, RULES, stored

# (symbol, name) as coingecko, coinpaprika and csv spell them: coins of one symbol, of one name, of neither, known and
# unknown to the registry. No source has two ids of one spelling: among namesakes nothing but the order could decide.
SPELLINGS = {
    "bitcoin": (("btc", "Bitcoin"), ("BTC", "Bitcoin"), ("BTC", "bitcoin")),
    "ethereum": (("eth", "Ethereum"), ("ETH", "Ethereum"), ("eth", "Ethereum")),
    "foo": (("foo", "Foo"), ("FOO", "Foo Token"), ("Foo", "foo")),
    "foo cash": (("foo", "Foo Cash"), ("FOO", "Foo Cash"), ("FOO", "FOO CASH")),
    "dog": (("🐶", "Dog"), ("🐶", "Dog"), ("🐶", "DOG")),
    "unnamed": (("", "Nameless"), ("", "Nameless"), ("", "Nameless")),
    "squatter": (("btc", "Batcat"), ("BTC", "Batcat"), ("BTC", "Batcat")),
}
REGISTERED = {"bitcoin": ("bitcoin", "btc-bitcoin"), "ethereum": ("ethereum", "eth-ethereum")}
SOURCES = ("coingecko", "coinpaprika", "csv")


@dataclass(frozen=True)
class Delivery:
    """One quote on its way."""

    source: str
    quote: Quote


def identified(thing: str, source: str) -> Quote:
    """A source's quote of one of the SPELLINGS, without figures."""
    place = SOURCES.index(source)
    symbol, name = SPELLINGS[thing][place]
    if source == "csv":
        return Quote(csv_id(symbol, name), symbol, name, None)
    return Quote(REGISTERED.get(thing, (f"{thing}-id", f"{thing}-code"))[place], symbol, name, None)


wrapped = Quote("wrapped-bitcoin", "wbtc", "Wrapped Bitcoin", None)
ids = st.one_of(
    st.builds(
        lambda thing, source: Delivery(source, identified(thing, source)),
        st.sampled_from(list(SPELLINGS)),
        st.sampled_from(SOURCES),
    ),
    st.just(Delivery("coingecko", wrapped)),
)
# Less than an order of magnitude apart: what a price vetoes depends on which prices are known by then.
prices = st.one_of(st.none(), st.decimals("1.5", "9", places=3))
figures = st.one_of(st.none(), st.decimals(0, 100, places=2))
deliveries = st.builds(
    lambda sent, **values: replace(sent, quote=replace(sent.quote, **values)),
    ids,
    price=prices,
    market_cap=figures,
    volume_24h=figures,
    price_change_24h=figures,
    max_supply=figures,
    rank=st.one_of(st.none(), st.integers(1, 9)),
    observed_at=st.sampled_from([NOON + n * timedelta(minutes=25) for n in range(5)]),
)


@st.composite
def two_ways(draw: st.DrawFn) -> tuple[list[Delivery], list[Delivery], list[bool], list[bool]]:
    """The same deliveries in two orders, some of them repeated, and where each order is cut into batches."""
    inputs = draw(st.lists(deliveries, min_size=1, max_size=14))
    again = st.lists(st.sampled_from(inputs), max_size=4)
    one, other = (draw(st.permutations(inputs + draw(again))) for _ in range(2))
    cut_one, cut_other = (draw(st.lists(st.booleans(), min_size=len(way), max_size=len(way))) for way in (one, other))
    return one, other, cut_one, cut_other


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=2)
    yield database
    database.close()


def batches(way: Sequence[Delivery], cuts: Sequence[bool]) -> Iterator[tuple[str, list[Quote]]]:
    """Cut where the source changes or a cut is drawn."""
    batch: list[Quote] = []
    source = ""
    for sent, cut in zip(way, cuts, strict=True):
        if batch and (cut or sent.source != source):
            yield source, batch
            batch = []
        source = sent.source
        batch.append(sent.quote)
    yield source, batch


def deliver(database: Database, way: Sequence[Delivery], cuts: Sequence[bool], rules: Rules) -> dict[str, Any]:
    """The state after all batches; on the way every id keeps the coin that it was given."""
    with database.transaction() as connection:
        clear(connection)
    given_ids: dict[tuple[str, str], str] = {}
    for source, batch in batches(way, cuts):
        stored(database, source, batch, rules)
        with database.connection() as connection:
            now = {
                (row[0], row[1]): row[2]
                for row in connection.execute(
                    "SELECT m.source, source_id, canonical_id"
                    " FROM source_mappings m JOIN cryptocurrencies USING (coin_key)"
                )
            }
        assert now.items() >= given_ids.items()
        given_ids = now
    return state(database, rules)


def state(database: Database, rules: Rules) -> dict[str, Any]:
    """Everything but keys and the ids of rule 4, which go first come, first served: a coin is called by its ids."""
    with database.connection() as connection:
        coins = connection.execute(
            "SELECT coin_key, canonical_id, symbol, name, price, market_cap, volume_24h, price_change_24h,"
            " circulating_supply, total_supply, max_supply, rank, source, last_updated, time_assumed, flags, provenance"
            " FROM cryptocurrencies"
        ).fetchall()
        mapped = connection.execute(
            "SELECT m.coin_key, m.source, m.source_id, m.symbol, m.name, m.relation, m.matched_by = 'registry',"
            " m.ambiguous, q.price, q.observed_at FROM source_mappings m JOIN quotes q USING (mapping_key)"
        ).fetchall()
        history = connection.execute(
            "SELECT source, source_id, observed_at, h.time_assumed, h.price, h.market_cap, h.volume_24h"
            " FROM price_history h JOIN source_mappings USING (mapping_key) ORDER BY 1, 2, 3"
        ).fetchall()
    known = {coin[0]: coin[1] for coin in coins if coin[1] in rules.registry.coins}
    called = {coin[0]: " ".join(sorted(f"{row[1]}:{row[2]}" for row in mapped if row[0] == coin[0])) for coin in coins}
    return {
        "coins": {called[coin[0]]: (known.get(coin[0]), *coin[2:]) for coin in coins},
        "mappings": sorted((called[row[0]], *row[1:]) for row in mapped),
        "history": history,
    }


@given(ways=two_ways())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("registry", [True, False], ids=["with the registry", "without"])
def test_order_batches_and_repetitions_make_no_difference(
    database: Database, registry: bool, ways: tuple[list[Delivery], list[Delivery], list[bool], list[bool]]
) -> None:
    one, other, cut_one, cut_other = ways
    rules = RULES if registry else BARE_RULES  # told apart by name: a failing example prints what it got
    assert deliver(database, one, cut_one, rules) == deliver(database, other, cut_other, rules)


def test_a_late_delivery_goes_into_the_history_and_changes_nothing_else(database: Database) -> None:
    late = replace(identified("foo", "coingecko"), price=Decimal(2), observed_at=NOON - timedelta(hours=3))
    latest = replace(late, price=Decimal(3), observed_at=NOON)
    stored(database, "coingecko", [latest])
    before = state(database, RULES)
    stored(database, "coingecko", [late])
    after = state(database, RULES)
    assert len(after.pop("history")) == len(before.pop("history")) + 1
    assert after == before
