"""Exports: every digit, one state of the data, piece by piece, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any, LiteralString

import pyarrow.parquet as parquet
import pytest
from flask.testing import FlaskClient

from core import exporting
from core.errors import Unavailable
from core.exporting import Row
from core.sources.csv import CSV
from core.sources.source import Ask
from db import export
from db.export import COLUMNS, ExportQuery, batches
from db.pool import Database
from tests.contract import ContractClient, exact
from tests.factories import NOON, Factory
from tests.integration.conftest import MakeClient
from tests.waiting import until
from web.services import services

EXPORT = "/api/v1/export"
DIGITS = ("1.223e-09", "0.1", "123456789012345678.123456789")
PLAIN = {"1.223e-09": "0.000000001223"}
# Of this database alone: other tests' are on the same server.
READING: LiteralString = "FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with closing(Database(database_url, size=2)) as opened:
        yield opened


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line, parse_float=Decimal) for line in text.splitlines()]


def observed(factory: Factory, mapping_key: int, moment: str, price: str) -> None:
    factory.connection.execute(
        "INSERT INTO price_history (mapping_key, observed_at, time_assumed, price) VALUES (%s, %s, false, %s)",
        [mapping_key, moment, price],
    )


@pytest.mark.parametrize("digits", DIGITS)
def test_a_figure_is_exported_with_the_digits_it_was_stored_with(
    client: ContractClient, factory: Factory, digits: str
) -> None:
    key = factory.quote(factory.coin("btc", price=digits), "csv", "btc", price=digits)
    observed(factory, key, "2026-03-01", digits)
    for what in COLUMNS:
        (row,) = rows_of(client.get(f"{EXPORT}?what={what}").text)
        assert row["price"] == PLAIN.get(digits, digits)
        line = client.get(f"{EXPORT}?what={what}&format=jsonl").text
        assert f'"price":{PLAIN.get(digits, digits)},' in line
        assert lines_of(line)[0]["price"] == Decimal(digits)


def test_a_coin_has_the_same_fields_as_in_the_list(client: ContractClient, factory: Factory) -> None:
    factory.coin("btc", name='Bit "coin", Ü', rank=1, price="-0.50", flags=["odd", "old"], market_cap=None)
    (line,) = lines_of(client.get(f"{EXPORT}?format=jsonl").text)
    assert line == exact(client.get("/api/v1/data"))["data"][0]
    answer = client.get(EXPORT)
    (row,) = rows_of(answer.text)
    assert list(row) == list(line)
    assert (row["name"], row["price"], row["market_cap"], row["flags"]) == ('Bit "coin", Ü', "-0.50", "", "odd old")
    assert row["last_updated"] == "2026-03-01T12:00:00+00:00"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="coins-20')


def test_no_text_is_a_formula_and_a_negative_figure_stays_a_number(client: ContractClient, factory: Factory) -> None:
    for number, name in enumerate(("=1+1", "+1", "-1", "@x", "\t=1", "\r=1")):
        factory.coin(f"c{number}", name=name, price_change_24h="-3.5")
    rows = rows_of(client.get(EXPORT).text)
    assert [row["name"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@x", "'\t=1", "'\r=1"]
    assert {row["price_change_24h"] for row in rows} == {"-3.5"}
    assert lines_of(client.get(f"{EXPORT}?format=jsonl").text)[0]["name"] == "=1+1"


def test_the_columns_are_those_that_postgres_sends(database: Database, factory: Factory) -> None:
    key = factory.quote(factory.coin("btc", rank=7), "csv", "btc", rank=7)
    observed(factory, key, "2026-03-01", "1")
    for what, columns in COLUMNS.items():
        with closing(batches(database, ExportQuery(what))) as found:
            (row,) = next(found)
        line = json.loads(next(exporting.json_pieces(columns, [[row]])))
        stored = exact_row(factory, what)
        assert {name: value for name, value in line.items() if name in stored} == stored


def exact_row(factory: Factory, what: str) -> dict[str, Any]:
    """The one row of the statement's main table, as Postgres itself makes JSON of it."""
    row: dict[str, Any] = {
        "coins": lambda: factory.value("SELECT to_jsonb(t) FROM cryptocurrencies t"),
        "quotes": lambda: factory.value("SELECT to_jsonb(t) FROM quotes t"),
        "history": lambda: factory.value("SELECT to_jsonb(t) FROM price_history t"),
    }[what]()
    return {name: value for name, value in row.items() if not name.endswith("_key")}


def test_filters_are_those_of_the_list(client: ContractClient, factory: Factory) -> None:
    bitcoin = factory.coin("btc", source="coingecko", name="Bitcoin")
    factory.quote(bitcoin, "coingecko", "bitcoin")
    factory.quote(bitcoin, "csv", "btc:bitcoin")
    factory.quote(factory.coin("eth", name="Ethereum", source="csv"), "csv", "eth:ethereum")

    def ids(query: str, field: str = "canonical_id") -> list[Any]:
        return [line[field] for line in lines_of(client.get(f"{EXPORT}?format=jsonl&{query}").text)]

    assert ids("") == ["btc", "eth"]
    assert ids("source=csv") == ids("symbol=Eth") == ids("search=ther") == ids("canonical_id=eth") == ["eth"]
    assert ids("search=%25") == []
    assert ids("what=quotes&symbol=btc", "source_id") == ["bitcoin", "btc:bitcoin"]
    assert ids("what=quotes&source=csv", "source_id") == ["btc:bitcoin", "eth:ethereum"]


def test_history_comes_by_id_in_the_order_of_time_from_begin_until_before_end(
    client: ContractClient, factory: Factory
) -> None:
    coin = factory.coin("btc")
    first, second = factory.quote(coin, "coingecko", "bitcoin"), factory.quote(coin, "csv", "btc")
    for key in (second, first):
        for day in (3, 1, 2):
            observed(factory, key, f"2026-03-0{day}", str(day))
    lines = lines_of(client.get(f"{EXPORT}?what=history&format=jsonl&from=2026-03-01&to=2026-03-03").text)
    assert [(line["source"], line["price"]) for line in lines] == [
        ("coingecko", 1),
        ("coingecko", 2),
        ("csv", 1),
        ("csv", 2),
    ]
    refused = client.get(f"{EXPORT}?from=2026-03-01")
    assert refused.status_code == 422
    assert exact(refused)["errors"][0]["name"] == "from"


@pytest.mark.parametrize(
    ("query", "field"), [("format=xml", "format"), ("what=keys", "what"), ("page=1", "page"), ("search=", "search")]
)
def test_what_is_not_asked_for_rightly_is_refused(client: ContractClient, query: str, field: str) -> None:
    answer = client.get(f"{EXPORT}?{query}")
    assert answer.status_code == 422
    assert [error["name"] for error in exact(answer)["errors"]] == [field]


def test_without_data_a_file_has_its_header_alone(client: ContractClient) -> None:
    assert client.get(EXPORT).text.startswith("canonical_id,symbol,name,price,")
    assert client.get(EXPORT).text.count("\n") == 1
    assert client.get(f"{EXPORT}?format=jsonl").text == ""


def test_a_file_is_gzipped_for_who_can_read_that(client: ContractClient, factory: Factory) -> None:
    factory.coin("btc")
    plain = client.get(EXPORT)
    zipped = client.get(EXPORT, headers={"Accept-Encoding": "gzip"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.data) == plain.data
    assert "Content-Encoding" not in plain.headers


def test_an_export_is_of_one_moment_whatever_is_committed_meanwhile(database: Database, factory: Factory) -> None:
    _coins(factory, 3 * export.BATCH)
    with closing(batches(database, ExportQuery("coins"))) as found:
        rows: list[Row] = [*next(found)]
        with factory.connection.transaction():
            factory.connection.execute("UPDATE cryptocurrencies SET price = 2")
            factory.connection.execute(
                "INSERT INTO cryptocurrencies (canonical_id, symbol, name) VALUES ('z', 'Z', 'Z')"
            )
        for batch in found:
            rows += batch
    assert len(rows) == 3 * export.BATCH
    assert {row[3] for row in rows} == {"1"}


def test_rows_are_read_as_they_are_sent_and_never_held_whole(database: Database, factory: Factory) -> None:
    _coins(factory, 5 * export.BATCH + 1)
    sizes = []
    with closing(batches(database, ExportQuery("coins"))) as found:
        for batch in found:
            sizes.append(len(batch))
            # Postgres keeps what nobody has fetched.
            assert factory.value(f"SELECT count(*) {READING}") >= 1
    assert sizes == [export.BATCH] * 5 + [1]
    seen: list[int] = []

    def counted() -> Iterator[Sequence[Row]]:
        for number in range(3):
            seen.append(number)
            yield [("x",)]

    pieces = exporting.csv_pieces(COLUMNS["coins"][:1], counted())
    next(pieces)
    assert seen == []
    next(pieces)
    assert seen == [0]


def test_a_reader_that_stops_loses_its_snapshot_and_not_only_its_patience(database: Database, factory: Factory) -> None:
    _coins(factory, 2 * export.BATCH)
    with closing(batches(database, ExportQuery("coins"), idle=1)) as found:
        next(found)
        until(
            lambda: factory.value(f"SELECT count(*) {READING}") == 0,
            "Postgres ends the idle export",
        )
        with pytest.raises(Unavailable):
            next(found)
    with database.connection() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_an_export_that_takes_too_long_is_given_up(database: Database, factory: Factory) -> None:
    _coins(factory, 2 * export.BATCH)
    with closing(batches(database, ExportQuery("coins"), longest=0)) as found:
        next(found)
        with pytest.raises(Unavailable, match="given up"):
            next(found)


def test_only_so_many_export_at_a_time_and_an_answer_that_is_closed_makes_room(
    make_client: MakeClient, factory: Factory
) -> None:
    _coins(factory, 3 * export.BATCH)
    client = make_client(WEB_THREADS="4")
    running = FlaskClient(client.application).get(EXPORT)
    next(iter(running.response))
    refused = client.get(EXPORT)
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    running.close()
    assert client.get(EXPORT).status_code == 200
    assert FlaskClient(client.application).head(EXPORT, buffered=True).status_code == 200
    assert client.get(f"{EXPORT}?format=jsonl").status_code == 200
    held = services(client.application).exports
    assert held.acquire(blocking=False)
    held.release()


def test_an_export_of_coins_can_be_ingested_again(client: ContractClient, factory: Factory) -> None:
    for number, digits in enumerate(DIGITS):
        factory.coin(f"c{number}", name=f"Coin {number}", symbol=f"C{number}", price=digits, rank=number + 1)
    file = client.get(EXPORT).data
    answer = client.post("/api/v1/ingest/csv", data={"file": (io.BytesIO(file), "coins.csv")})
    assert answer.status_code == 202
    (page,) = CSV.pages(Ask(services(client.application).settings, open_file=lambda: io.BytesIO(file)), {})
    parsed = CSV.parse(page.body, page.meta)
    assert not parsed.rejections
    assert [(quote.symbol.upper(), quote.name, quote.rank) for quote in parsed.quotes] == [
        ("C0", "Coin 0", 1),
        ("C1", "Coin 1", 2),
        ("C2", "Coin 2", 3),
    ]
    assert [quote.price for quote in parsed.quotes] == [Decimal(digits) for digits in DIGITS]
    assert {quote.observed_at for quote in parsed.quotes} == {NOON}


def test_parquet_keeps_every_digit_as_text(client: ContractClient, factory: Factory) -> None:
    _coins(factory, export.BATCH + 1)
    factory.coin("btc", price=DIGITS[2], rank=1, flags=["odd"], name="=1")
    answer = client.get(f"{EXPORT}?format=parquet&search=btc")
    table = parquet.read_table(io.BytesIO(answer.data)).to_pylist()
    assert (table[0]["price"], table[0]["rank"], table[0]["flags"], table[0]["name"]) == (DIGITS[2], 1, ["odd"], "=1")
    assert table[0]["last_updated"].isoformat() == "2026-03-01T12:00:00+00:00"
    whole = parquet.read_table(io.BytesIO(client.get(f"{EXPORT}?format=parquet").data))
    assert whole.num_rows == export.BATCH + 2


def _coins(factory: Factory, count: int) -> None:
    factory.connection.execute(
        "INSERT INTO cryptocurrencies (canonical_id, symbol, name, price)"
        " SELECT 'c' || n, 'C' || n, 'Coin ' || n, 1 FROM generate_series(1, %s) AS n",
        [count],
    )


def test_an_answer_is_sent_as_it_is_read_and_one_that_breaks_off_is_not_ended_well(
    client: ContractClient, factory: Factory
) -> None:
    _coins(factory, 3 * export.BATCH)
    running = FlaskClient(client.application).get(EXPORT)
    pieces = iter(running.response)
    assert [next(pieces)[:12] for _ in range(2)] == [b"canonical_id", b"c1,C1,Coin 1"]
    factory.connection.execute(f"SELECT pg_terminate_backend(pid) {READING}")
    with pytest.raises(Unavailable):
        next(pieces)
    running.close()
    assert client.get(EXPORT).status_code == 200
