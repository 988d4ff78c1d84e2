"""The CSV source as the program uses it: pages from a file, quotes from a page, a look at an upload beforehand."""

from __future__ import annotations

import io
import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import GiveUp
from core.models import Page, Quote
from core.settings import Settings
from core.sources.csv import CSV, inspect
from core.sources.csvfile.columns import SORTS
from core.sources.source import Ask
from tests.unit.csv_reading import HEADER, joined, only, pages, read, reasons, table

SAMPLE = Path(__file__).parents[2] / "data" / "crypto_data.csv"


def configured(path: Path | str) -> list[Page]:
    return list(CSV.pages(Ask(Settings.from_env({"CSV_PATH": str(path)})), {}))


def test_the_sample_is_five_coins_in_order() -> None:
    (page,) = configured(SAMPLE)
    quotes = CSV.parse(page.body, page.meta).quotes
    assert [quote.name for quote in quotes] == ["Bitcoin", "Ethereum", "Cardano", "Solana", "Polkadot"]
    assert [quote.source_id for quote in quotes][:2] == ["btc-bitcoin", "eth-ethereum"]
    assert all(quote.price and quote.market_cap and quote.volume_24h and quote.price_change_24h for quote in quotes)
    assert not any(quote.observed_at or quote.flags for quote in quotes)


@pytest.mark.parametrize("price", ["1.223e-09", "0.1", "123456789012345678.123456789", "0.10", "1E+3", "9" * 60, "0"])
def test_a_price_has_the_digits_of_the_file(price: str) -> None:
    assert str(only(table(f"A,B,{price},1,1,1")).price) == str(Decimal(price))


def test_a_bad_number_costs_its_row_and_no_other() -> None:
    parsed = read(
        table("BTC,Bitcoin,5,1,1,1", "ETH,Ethereum,lots,1,1,1", "ADA,Cardano,7,1,-x,1", "DOT,Polkadot,9,1,1,1")
    )
    assert [quote.symbol for quote in parsed.quotes] == ["BTC", "DOT"]
    assert [(rejection.row, rejection.reason, rejection.raw) for rejection in parsed.rejections] == [
        (3, "price is not a number: 'lots'", "ETH,Ethereum,lots,1,1,1"),
        (4, "volume_24h is not a number: '-x'", "ADA,Cardano,7,1,-x,1"),
    ]


def test_a_number_with_a_line_end_in_it_is_no_number() -> None:
    parsed = read(table('BTC,"5\n6"', "ETH,7", header="symbol,price"))
    assert reasons(parsed) == [(2, "price is not a number: '5\\n6'")]


def test_unknown_figures_are_none_and_the_row_is_kept() -> None:
    quote = only(table("BTC,Bitcoin,,?,--,N/A,5", header=f"{HEADER},rank"), {"rank": "", "max_supply": "rank"})
    assert (quote.price, quote.market_cap, quote.volume_24h, quote.max_supply) == (None, None, None, Decimal(5))


def test_a_row_without_any_figure_is_rejected() -> None:
    parsed = read(table("BTC,Bitcoin,,,,,1", "ETH,Ethereum,5,,,,2", header=f"{HEADER},rank"))
    assert reasons(parsed) == [(2, "the row has no figure: price and everything else are unknown")]


def test_rows_of_another_width_are_rejected_with_their_lines() -> None:
    parsed = read(
        table("BTC,Bitcoin,5,1,1,1", "ETH,Ethereum,5,1,1", "ADA,Cardano,5,1,1,1,1", '"SOL, x",Solana,5,1,1,1')
    )
    assert [quote.symbol for quote in parsed.quotes] == ["BTC", "SOL, x"]
    assert reasons(parsed) == [
        (3, "the row has too few fields: 5 where the header has 6"),
        (4, "the row has too many fields: 7 where the header has 6"),
    ]


def test_a_nul_costs_its_row_and_shows() -> None:
    parsed = read(table("BTC,Bitcoin,5,1,1,1", "E\0H,Ethereum,5,1,1,1"))
    assert reasons(parsed) == [(3, "the row has a NUL character")]
    assert parsed.rejections[0].raw == "E\\x00H,Ethereum,5,1,1,1"


def test_blank_lines_are_not_rows() -> None:
    parsed = read(table("", "BTC,Bitcoin,5,1,1,1", "  ", "\t", "ETH,Ethereum,x,1,1,1", ""))
    assert parsed.rows == 2
    assert reasons(parsed) == [(6, "price is not a number: 'x'")]


def test_lines_are_counted_through_quoted_line_ends() -> None:
    parsed = read(table('BTC,"Bit\ncoin",5,1,1,1', "ETH,Ethereum,x,1,1,1"))
    assert parsed.quotes[0].name == "Bit coin"
    assert [rejection.row for rejection in parsed.rejections] == [4]


def test_a_delimiter_at_the_end_of_every_row_is_forgiven() -> None:
    assert len(read(table("BTC,5,", "ETH,6,", header="symbol,price")).quotes) == 2
    with pytest.raises(GiveUp, match="has 2 columns in its header but 3 in its rows"):
        read(table("BTC,5,", "ETH,6,1", "ADA,7,", header="symbol,price"))


def test_what_cannot_be_right_is_flagged() -> None:
    assert only(table("BTC,Bitcoin,-5,1,1,1")).flags == ("negative_price",)


def test_figures_stand_in_the_order_of_a_quote() -> None:
    """Quotes are made by position, for speed."""
    names = [field.name for field in fields(Quote)]
    assert [*names[:3], *SORTS, *names[-2:]] == names
    header = ",".join(["symbol", "name", *SORTS, "last_updated"])
    quote = only(f"{header}\nBTC,Bitcoin,{','.join(str(number) for number in range(1, 11))},2021-07-02\n")
    assert [getattr(quote, name) for name in SORTS] == list(range(1, 11))


REFUSED = {
    "empty": (b"", "is empty; it needs a header line and rows of quotes."),
    "blank": (b"\xef\xbb\xbf \r\n\n", "is empty; it needs a header line and rows of quotes."),
    "header only": (b"symbol,price\r\n\r\n", "has a header line but no rows."),
    "binary": (bytes(range(256)) * 9, "is a binary file, not CSV text."),
    "workbook": (b"PK\x03\x04" + bytes(99), "is a spreadsheet or zip archive; save the table as CSV."),
    "gzip": (b"\x1f\x8b" + bytes(99), "is compressed with gzip; unpack it first."),
    "HTML": (b"\n<!DOCTYPE HTML><html>price,symbol", "is an HTML page, not a CSV file"),
    "XML": (b"<?xml version='1.0'?><a/>", "is XML, not a CSV file."),
    "JSON": (b'[{"symbol": "BTC", "price": 5}]', "is JSON, not a CSV file."),
    "no price": (b"symbol,name\nBTC,Bitcoin\n", "has no price column but the columns symbol, name; quotes are rows"),
    "no coin": (b"date,price\n2021-07-02,5\n", "has neither a symbol nor a name column but the columns date, price"),
    "no header": (b"BTC,Bitcoin,5\nETH,Ether,6\n", "has neither a symbol nor a name column but the columns BTC,"),
    "other widths": (b"symbol,price\na,b,c\nd,e,f\ng,h,i\n", "has 2 columns in its header but 3 in its rows."),
    "no prices": (
        b"symbol,price\nA,cheap\nB,dear\nC,dear\n",
        "is no table of quotes: its column 'price' can't be read as price: 'cheap'",
    ),
    "trades": (
        b"Date;Wallet;Pair;Type;Sell;Buy;Price;Status\n2022-01-18;Spot;CAKEUSDT;Market;1 USDT;9 CAKE;1 USDT = 9 CAKE",
        "looks like a log of trades, not of quotes (columns Wallet, Type, Sell, Buy, Status)",
    ),
    "a thousand columns": (b"symbol,price" + b",x" * 1000 + b"\nBTC,5\n", "has 1002 columns"),
}


@pytest.mark.parametrize("body", [body for body, _ in REFUSED.values()], ids=list(REFUSED))
def test_what_is_no_file_of_quotes_is_refused_before_and_during_a_fetch(body: bytes) -> None:
    (sentence,) = [sentence for refused, sentence in REFUSED.values() if refused is body]
    for reading in (lambda: inspect(io.BytesIO(body)), lambda: pages(body)):
        with pytest.raises(GiveUp) as refused:
            reading()
        assert str(refused.value).startswith(f"The uploaded file {sentence}")


def test_a_configured_file_is_refused_by_its_setting_and_path(tmp_path: Path) -> None:
    missing, empty = tmp_path / "none.csv", tmp_path / "empty.csv"
    empty.touch()
    for path, sentence in (
        (missing, "can't be read: no such file or directory."),
        (tmp_path, "is not a file."),
        (empty, "is empty; it needs a header line and rows of quotes."),
    ):
        with pytest.raises(GiveUp) as refused:
            configured(path)
        assert str(refused.value) == f"CSV_PATH ({path}) {sentence}"


def test_a_look_at_an_upload_tells_what_was_chosen_and_reads_no_more_than_it_needs() -> None:
    file = io.BytesIO((HEADER + "\n").encode() + b"BTC,Bitcoin,1,1,1,1\n" * 10_000)
    assert inspect(file, {"rank": ""}) == pages(file.getvalue())[0].meta["layout"]["notes"]  # type: ignore[index,call-overload]
    file.seek(0)
    inspect(file)
    assert file.tell() <= 65_537


def test_the_file_is_closed_when_it_was_read_and_when_reading_is_stopped() -> None:
    for stop in (True, False):
        file = io.BytesIO(table(*["BTC,Bitcoin,1,1,1,1"] * 25_000).encode())
        fetching = CSV.pages(Ask(Settings.from_env({}), open_file=lambda file=file: file), {})  # type: ignore[misc]
        next(fetching)
        if stop:
            fetching.close()  # type: ignore[attr-defined]
        else:
            list(fetching)
        assert file.closed


@pytest.fixture(scope="module")
def long() -> bytes:
    rows = [f'C{number},"Coin\n{number}",1.{number:05},5,5,1' for number in range(45_000)]
    return table(*rows, "X,Y,z,1,1,1").encode("utf-16")


def test_a_fetch_goes_on_after_any_page(long: bytes) -> None:
    whole = pages(long)
    assert len(whole) > 2
    for place, page in enumerate(whole):
        rest = pages(long, cursor=json.loads(json.dumps(page.cursor)))
        if page.last:
            assert [(late.body, late.last) for late in rest] == [(b"", True)]
        else:
            assert [(late.number, late.body, late.cursor) for late in rest] == [
                (early.number, early.body, early.cursor) for early in whole[place + 1 :]
            ]
    parsed = joined([CSV.parse(page.body, page.meta) for page in whole])
    assert len({quote.price for quote in parsed.quotes}) == 45_000
    assert reasons(parsed) == [(90_002, "price is not a number: 'z'")]


def test_a_fetch_does_not_go_on_in_another_file(long: bytes) -> None:
    cursor = pages(long)[0].cursor
    with pytest.raises(GiveUp, match="The uploaded file changed while it was being read; start a new ingest"):
        pages(long.replace("C1,".encode("utf-16-le"), "C2,".encode("utf-16-le"), 1), cursor=cursor)


def test_the_pages_are_the_bytes_of_the_file_behind_its_header(long: bytes) -> None:
    body = b"".join(page.body for page in pages(long))
    assert long.endswith(body)
    assert len(long) - len(body) == 2 + 2 * len(HEADER + "\n")


def test_a_time_is_judged_by_when_the_file_was_read_not_by_when_it_is_parsed() -> None:
    tomorrow = (datetime.now(UTC) + timedelta(hours=12)).isoformat(timespec="seconds")
    (page,) = pages(table(f"BTC,1,{tomorrow}", header="symbol,price,date"))
    assert CSV.parse(page.body, page.meta).quotes
    earlier = {**page.meta, "fetched_at": "2021-01-01T00:00:00+00:00"}
    assert not CSV.parse(page.body, earlier).quotes


TIMED = "symbol,price,open,date"


def test_a_pages_digest_is_of_the_file_up_to_its_end() -> None:
    rows = [f"C{number},1,2,2024-05-01" for number in range(20_010)]
    first, second, third = (page.digest for page in pages(table(*rows, header=TIMED)))
    assert len({first, second, third}) == 3
    grown = [page.digest for page in pages(table(*rows, "D,1,2,2024-05-01", header=TIMED))]
    assert (grown[:2], grown[2] == third) == ([first, second], False)
    changed = [page.digest for page in pages(table("C,1,2,2024-05-01", *rows[1:], header=TIMED))]
    assert not {first, second, third} & set(changed)


def test_the_same_bytes_read_otherwise_have_another_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(file: str, **columns: str) -> bytes | None:
        (page,) = pages(file, columns)
        return page.digest

    one = table("A,1,2,2024-05-01", header=TIMED)
    assert digest(one) == digest(one)
    assert digest(one) != digest(one, price="open")
    # Lines are named in rejections.
    assert digest(one) != digest("\n" + one)
    now = digest(one)
    monkeypatch.setattr("core.sources.csv.reader", lambda: "of another release")
    assert digest(one) != now


def test_a_fetch_that_another_release_began_has_no_digests(long: bytes) -> None:
    cursor = {name: value for name, value in pages(long)[0].cursor.items() if name != "digest"}
    assert {page.digest for page in pages(long, cursor=cursor)} == {None}


@pytest.mark.parametrize(
    ("rows", "lasting"),
    [
        (["A,1,2,2024-05-01", "B,x,2,2024-05-01"], True),
        (["A,x,2,2024-05-01"], True),
        (["A,1,2,2024-05-01", "B,1,2,"], False),
        (["A,1,2,2024-05-01", "B,1,2,2100-01-01"], False),
    ],
)
def test_a_page_lasts_when_no_row_depends_on_when_it_was_read(rows: list[str], lasting: bool) -> None:
    (page,) = pages(table(*rows, header=TIMED))
    assert CSV.parse(page.body, page.meta).lasting == lasting
    (without,) = pages(table("A,1", header="symbol,price"))
    assert not CSV.parse(without.body, without.meta).lasting
