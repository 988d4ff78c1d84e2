"""The id of a row's coin within the source csv: stable, and never one for two coins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.names import slug
from core.sources.csvfile.ids import source_id
from tests.unit.csv_reading import read, table


def test_ids_are_what_they_have_always_been() -> None:
    """A change here gives every coin of every file a new id."""
    assert source_id("BTC", "Bitcoin") == "btc-bitcoin"
    assert source_id("BTC-USD", "Bitcoin USD") == "btc_usd-bitcoin-usd"
    assert source_id("BTC", "") == "symbol:btc"
    assert source_id("", "Shiba Inu!") == "name:shiba-inu"
    assert source_id("🐶", "柴犬") == "u1f436-柴犬"
    assert source_id("", "") == ""


@given(st.lists(st.tuples(st.text("abc- ", max_size=4), st.text("abc- ", max_size=4)), min_size=2, max_size=2))
def test_different_symbols_or_names_have_different_ids(pairs: list[tuple[str, str]]) -> None:
    (symbol, name), (other_symbol, other_name) = [(slug(symbol), slug(name)) for symbol, name in pairs]
    same = (symbol, name) == (other_symbol, other_name)
    assert (source_id(symbol, name) == source_id(other_symbol, other_name)) == same


def test_an_id_column_has_no_say() -> None:
    first = read(table("1,BTC,Bitcoin,5", header="id,symbol,name,price")).quotes
    second = read(table("bitcoin,btc,bitcoin,7", header="id,symbol,name,price")).quotes
    assert [quote.source_id for quote in first] == [quote.source_id for quote in second] == ["btc-bitcoin"]


def test_symbols_and_names_that_no_index_could_hold_are_rejected() -> None:
    parsed = read(table(f"{'S' * 300},a,1", f"{'S' * 301},a,1", f"a,{'ﷺ' * 299},1", header="symbol,name,price"))
    assert [len(quote.symbol) for quote in parsed.quotes] == [300]
    assert [rejection.row for rejection in parsed.rejections] == [3, 4]
