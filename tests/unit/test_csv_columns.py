"""Which column is taken for which field, and what is said of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from core.errors import GiveUp
from tests.unit.csv_reading import only, read, reasons, table


def chosen(*rows: str, header: str) -> Any:
    return read(table(*rows, header=header)).notes["columns"]


def test_what_was_chosen_and_what_not_is_told() -> None:
    assert read(table("1,BTC,Bitcoin,5", header="ID,Symbol,Coin,Price (USD)")).notes == {
        "columns": {"symbol": "Symbol", "name": "Coin", "price": "Price (USD)"},
        "ignored": ["ID"],
        "delimiter": ",",
        "encoding": "utf-8",
    }


def test_a_column_that_is_blank_for_every_named_coin_leaves_its_place_to_the_next() -> None:
    """As in a collector's file whose columns drifted: the rows with price_usd name no coin."""
    parsed = read(
        table(
            "DOGE,Dogecoin,0.08,500000.0,,,",
            "SHIB,Shiba Inu,1e-05,100000.0,,,",
            ",,,,2025-12-22 23:26:40,89272.0,38081663926.47814",
            ",,,,2025-12-22 23:35:10,89345.0,36477339739.76954",
            header="Symbol,Name,Price,Volume,timestamp,price_usd,volume_24h",
        )
    )
    assert [quote.price for quote in parsed.quotes] == [Decimal("0.08"), Decimal("1e-05")]
    assert reasons(parsed) == [(row, "the row has neither a symbol nor a name") for row in (4, 5)]


def test_the_column_in_dollars_goes_before_one_that_names_no_currency() -> None:
    assert only(table("BTC,9,12739.5", header="symbol,price,price_usd")).price == Decimal("12739.5")


def test_the_percentage_goes_before_the_change() -> None:
    quote = only(table("btc,33659.0,-1344.5,-3.84", header="symbol,price,price_change_24h,price_change_percentage_24h"))
    assert quote.price_change_24h == Decimal("-3.84")


def test_coingeckos_change_in_dollars_is_left_alone_and_said_so() -> None:
    parsed = read(table("btc,33659.0,-1344.5", header="symbol,current_price,price_change_24h"))
    assert parsed.quotes[0].price_change_24h is None
    assert parsed.notes["passed_over"] == {"price_change_24h": "holds dollars, not percent, in CoinGecko's files"}


def test_a_change_in_money_is_no_percentage_and_passed_over() -> None:
    parsed = read(table("A,1,$1", "B,1,-$2", "C,1,$3", header="symbol,price,change_24h"))
    assert [quote.price_change_24h for quote in parsed.quotes] == [None] * 3
    assert parsed.notes["passed_over"] == {"change_24h": "can't be read as price_change_24h: '$1'"}


def test_of_two_columns_of_the_same_name_the_first_that_holds_something_is_taken() -> None:
    assert only(table("0,btc,Bitcoin,0,btc,5", header="index,symbol,name,index,symbol,price")).symbol == "btc"
    assert only(table(",Bitcoin,btc,5", header="symbol,name,symbol,price")).symbol == "btc"


def test_a_name_column_that_holds_tickers_is_the_symbol_column() -> None:
    quotes = read(table("BTC,1", "ETH,2", "1INCH,3", "renBTC,4", "USDT,5", header="name,price")).quotes
    assert [(quote.symbol, quote.name, quote.source_id) for quote in quotes[:1]] == [("BTC", "", "symbol:btc")]


def test_a_name_column_that_holds_names_stays_one_and_there_is_no_symbol() -> None:
    quotes = read(table("Bitcoin,1", "BNB,2", "Tether,3", "XRP,4", header="name,price")).quotes
    assert [(quote.symbol, quote.name, quote.source_id) for quote in quotes[:2]] == [
        ("", "Bitcoin", "name:bitcoin"),
        ("", "BNB", "name:bnb"),
    ]


def test_pairs_are_taken_apart_when_all_symbols_are_pairs() -> None:
    parsed = read(table("BTC-USD,Bitcoin USD,1", "ETH-USD,Ethereum USD,2", "X-EUR,X EUR,3", header="symbol,name,price"))
    assert [(quote.symbol, quote.name, quote.flags) for quote in parsed.quotes] == [
        ("BTC", "Bitcoin", ()),
        ("ETH", "Ethereum", ()),
        ("X", "X", ("not_us_dollars",)),
    ]


def test_a_symbol_that_looks_like_a_pair_among_others_stays_whole() -> None:
    parsed = read(table("yv-BTC,1", "BTC,2", "ETH,3", header="symbol,price"))
    assert [quote.symbol for quote in parsed.quotes] == ["yv-BTC", "BTC", "ETH"]


def test_the_client_overrules_field_by_field() -> None:
    text = table("BTC,Bitcoin,7,9,5", header="symbol,name,Letzter,price,price_usd")
    assert only(text).price == 5
    assert only(text, {"price": "Letzter"}).price == 7
    assert only(text, {"price": " letzter "}).price == 7


def test_the_client_can_want_no_column_for_a_field() -> None:
    text = table("BTC,1,soon", header="symbol,price,last_updated")
    assert read(text).rejections
    assert only(text, {"last_updated": ""}).observed_at is None
    assert only(text, {"observed_at": ""}).observed_at is None


def test_the_client_insists_on_a_file_that_looks_like_trades() -> None:
    text = table("BTC,5,buy,1,2,x", header="pair,Price,side,amount,fee,type")
    with pytest.raises(GiveUp, match="log of trades"):
        read(text)
    assert only(text, {"price": "Price", "symbol": "pair"}).price == 5


def test_an_unknown_field_or_column_is_named() -> None:
    text = table("BTC,7", header="symbol,Letzter")
    with pytest.raises(GiveUp, match="columns naming 'prize'; the fields are symbol, name, price"):
        read(text, {"prize": "Letzter"})
    with pytest.raises(
        GiveUp, match="no column 'Letzte', which columns names for price; it has the columns symbol, Letz"
    ):
        read(text, {"price": "Letzte"})


def test_money_of_another_kind_is_read_flagged_and_so_kept_out_of_the_figures() -> None:
    quote = only(table("BTC,€39979.12", header="symbol,price"))
    assert (quote.price, quote.flags) == (Decimal("39979.12"), ("not_us_dollars",))


def test_a_price_in_another_currency_by_its_header_is_no_price() -> None:
    with pytest.raises(GiveUp, match=r"has no price column but the columns symbol, Price \(€\), price_btc"):
        read(table("BTC,5,6", header="symbol,Price (€),price_btc"))
