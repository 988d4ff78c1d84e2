"""A coin's page without a browser: what stands on it, where it leads, and what it makes of hostile names."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from db.pool import Database
from tests.contract import ContractClient
from tests.factories import Factory
from tests.integration.conftest import MakeClient
from tests.quoting import quote, stored

PERSON = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url, size=4)
    yield database
    database.close()


@pytest.fixture
def visitor(client: ContractClient) -> FlaskClient:
    """On a server that is open to this machine."""
    return FlaskClient(client.application)


def page(visitor: FlaskClient, address: str) -> TestResponse:
    return visitor.get(address, headers=PERSON)


def said(answer: TestResponse) -> str:
    """The words of a page as a reader sees them."""
    assert answer.status_code == 200, answer.text
    body = re.sub(r"<(title|noscript|dialog)\b.*?</\1>", "", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def row_of(answer: TestResponse, source_id: str) -> str:
    """The line of the sources' table with this id, as a reader sees it."""
    rows = re.findall(r"<tr>.*?</tr>", answer.text, flags=re.DOTALL)
    found = next(row for row in rows if f">{source_id}<" in row)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found)).split())


def a_bitcoin(database: Database) -> None:
    """Three sources and a wrapped coin; coinpaprika is three hours behind."""
    stored(
        database,
        "coingecko",
        [
            quote(
                "bitcoin", "btc", "Bitcoin", "64123.450000000000000001", market_cap="1263000000000", observed_at=HOUR
            ),
            quote("wrapped-bitcoin", "wbtc", "Wrapped Bitcoin", "64090", observed_at=HOUR),
        ],
    )
    late = HOUR - timedelta(hours=3)
    stored(database, "coinpaprika", [quote("btc-bitcoin", "BTC", "Bitcoin", "60000", observed_at=late)])
    stored(database, "csv", [quote("btc-bitcoin", "BTC", "Bitcoin", "67432.18", volume_24h="5.5", observed_at=HOUR)])


def test_the_record_is_shown_with_all_its_digits_and_whose_it_is(visitor: FlaskClient, database: Database) -> None:
    a_bitcoin(database)
    words = said(page(visitor, "/coins/btc"))
    assert "Bitcoin BTC" in words
    assert "$64,123.45" in words
    assert "Exactly 64123.450000000000000001 US dollars" in words
    assert "Record of coingecko" in words
    # Only csv knows a volume.
    assert "Volume, 24 h $5.50 from csv" in words


def test_sources_stand_side_by_side_with_how_far_they_are_from_the_record(
    visitor: FlaskClient, database: Database
) -> None:
    a_bitcoin(database)
    answer = page(visitor, "/coins/btc")
    assert "0.00%" in row_of(answer, "bitcoin") and "the record" in row_of(answer, "bitcoin")
    assert 'title="5.15993758913%"' in answer.text
    words = said(answer)
    assert "+5.16%" in words
    assert "stale Too old beside the newest" in words
    assert "A source of higher priority goes first" in words
    native, _, wrapped = words.partition("Wrapped coins that stand for it")
    assert "wrapped-bitcoin" not in native and "wrapped-bitcoin" in wrapped.partition("Why these are one coin")[0]


def test_why_these_are_one_coin_and_what_lost_field_by_field(visitor: FlaskClient, database: Database) -> None:
    a_bitcoin(database)
    words = said(page(visitor, "/coins/btc"))
    assert "The registry lists coingecko 'bitcoin' as btc" in words
    assert "csv btc-bitcoin 67432.18: a source of higher priority goes first" in words
    assert "coinpaprika btc-bitcoin 60000: too old beside the newest" in words


def test_namesakes_are_linked_as_what_else_it_might_have_been(visitor: FlaskClient, database: Database) -> None:
    stored(database, "coingecko", [quote("abc", "ABC", "Alphabet"), quote("abc-2", "ABC", "Another Book")])
    answer = page(visitor, "/coins/abc")
    assert "What else it might have been (1)" in said(answer)
    assert 'href="/coins/abc-another-book"' in answer.text
    assert "Another name: 'Another Book', not 'Alphabet'." in said(answer)


def test_what_cant_be_right_is_said_in_words(visitor: FlaskClient, database: Database) -> None:
    stored(database, "coingecko", [quote("odd", "ODD", "Odd", "-3", flags=("negative_price",))])
    words = said(page(visitor, "/coins/odd"))
    assert "Its price is below zero." in words
    assert "left out of totals, gainers and losers" in words
    assert "−$3.00" in words


def test_the_past_is_a_table_with_every_digit_and_the_latest_hour_first(
    visitor: FlaskClient, database: Database
) -> None:
    for minutes, price in ((-60, "1.223e-09"), (0, "5"), (1, "7"), (2, "6")):
        at = HOUR + timedelta(minutes=minutes)
        stored(database, "coingecko", [quote("tiny", "TINY", "Tiny", price, observed_at=at)])
    answer = page(visitor, "/coins/tiny?range=24h&interval=1h")
    latest, before = re.findall(r'<tr><th scope="row"><time.*?</tr>', answer.text)
    assert re.findall(r"<td[^>]*>(.*?)</td>", latest) == ["5", "7", "5", "6", "coingecko", "3"]
    assert '<td class="end">0.000000001223</td>' in before
    assert f"{HOUR:%Y-%m-%d %H}:00:00 UTC" in latest


def test_all_state_is_in_the_address_and_nonsense_is_as_usual(visitor: FlaskClient, database: Database) -> None:
    a_bitcoin(database)
    chosen = page(visitor, "/coins/btc?range=30d&interval=1h&style=line").text
    assert 'data-range="30d" data-interval="1h" data-style="line"' in chosen
    assert 'href="/coins/btc?range=30d&amp;interval=1d&amp;style=line"' in chosen
    usual = page(visitor, "/coins/btc?range=%3Cscript%3E&interval=raw").text
    assert 'data-range="7d" data-interval="1h" data-style="candles"' in usual
    assert "<script>" not in usual


def test_a_coin_without_a_price_or_a_second_source_has_a_page(visitor: FlaskClient, database: Database) -> None:
    stored(database, "coinpaprika", [quote("none-none", "NONE", "None at all", None)])
    words = said(page(visitor, "/coins/none"))
    assert "None at all NONE —" in words
    assert "Nothing was observed in" in words


HOSTILE = [
    ("🐶", "🐶🐕"),
    ("<script>alert(1)</script>", "'\"><img src=x onerror=alert(1)>"),
    ("a/b/../c", "../../etc/passwd"),
    ("X" * 70, "{{ 7 * 7 }} ${7*7} " + "long " * 60),
    ("%2e%2e", "?query#fragment&amp;"),
    ("", "\u202edesrever"),
]


@pytest.mark.parametrize(("symbol", "name"), HOSTILE)
def test_whatever_a_coin_is_called_its_page_is_found_and_nothing_of_it_is_markup(
    visitor: FlaskClient, database: Database, factory: Factory, symbol: str, name: str
) -> None:
    stored(database, "csv", [quote(f"id {symbol} {name}", symbol, name)])
    canonical_id = str(factory.value("SELECT canonical_id FROM cryptocurrencies"))
    answer = page(visitor, f"/coins/{canonical_id}")
    assert " ".join(name.split()) in said(answer)
    assert "<script>alert" not in answer.text and "<img src=x" not in answer.text
    assert "49" not in re.findall(r"<h1.*?</h1>", answer.text, re.DOTALL)[0]


@pytest.mark.parametrize("canonical_id", ["a/b", "100%", "what?", "a#b", "a b", "ü-🐶", "<b>"])
def test_any_canonical_id_has_an_address_that_leads_back_to_it(
    visitor: FlaskClient, factory: Factory, canonical_id: str
) -> None:
    factory.quote(factory.coin(canonical_id, symbol="S", name="Strange"), "csv", "strange")
    other = factory.coin("plain", symbol="S", name="Plain")
    factory.quote(other, "csv", "plain")
    factory.connection.execute("UPDATE source_mappings SET symbol_key = 's'")
    around = page(visitor, "/coins/plain").text
    address = html.unescape(re.findall(r'href="(/coins/[^"]+)">[^<]+</a>', around)[0])
    assert unquote(address) == f"/coins/{canonical_id}"
    found = page(visitor, address)
    assert "Strange S" in said(found)
    api = html.unescape(re.findall(r'data-api="([^"]+)"', found.text)[0])
    assert visitor.get(api).status_code == 200


def test_an_id_given_up_leads_to_the_coin_with_the_same_state(
    visitor: FlaskClient, client: ContractClient, database: Database
) -> None:
    stored(database, "coingecko", [quote("old", "OLD", "Old name"), quote("fresh", "FRESH", "Fresh")])
    client.put("/api/v1/mappings/coingecko/old", json={"canonical_id": "fresh"})
    answer = page(visitor, "/coins/old?range=30d")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/coins/fresh?range=30d")
    assert "Ids given up that lead here: old" in said(page(visitor, "/coins/fresh"))


@pytest.mark.parametrize("address", ["/coins/nothing", "/coins/%3Cscript%3E", "/coins/a%00b", "/coins/"])
def test_a_coin_that_isnt_there_is_a_page_that_says_so(visitor: FlaskClient, address: str) -> None:
    answer = page(visitor, address)
    assert answer.status_code == 404
    assert answer.content_type == "text/html; charset=utf-8"
    assert "<script>" not in answer.text


def test_only_who_may_correct_is_offered_it(make_client: MakeClient, database: Database) -> None:
    a_bitcoin(database)
    open_to_all = page(FlaskClient(make_client().application), "/coins/btc").text
    keyed = page(FlaskClient(make_client(API_KEYS="boss:admin:a-secret-of-the-boss").application), "/coins/btc").text
    assert open_to_all.count("data-correct ") + open_to_all.count('data-correct=""') == 4
    assert "<dialog" in open_to_all
    assert "data-correct" not in keyed and "<dialog" not in keyed


def test_a_correction_can_be_taken_back_where_there_is_one(
    visitor: FlaskClient, client: ContractClient, database: Database
) -> None:
    a_bitcoin(database)
    assert "data-forget=" not in page(visitor, "/coins/btc").text
    client.put("/api/v1/mappings/csv/btc-bitcoin", json={"canonical_id": "btc", "relation": "wrapped"})
    answer = page(visitor, "/coins/btc")
    assert answer.text.count("data-forget=") == 1
    assert "Set by hand, which wins over every rule." in said(answer)


def test_the_page_runs_nothing_in_line_and_asks_no_other_host(visitor: FlaskClient, database: Database) -> None:
    a_bitcoin(database)
    answer = page(visitor, "/coins/btc")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", answer.text)
    loaded = re.findall(r'<(?:script|link|img)[^>]* (?:src|href)="([^"]+)"', answer.text)
    assert loaded and all(address.startswith("/static/") for address in loaded)
    for address in loaded:
        with visitor.get(address) as file:
            assert file.status_code == 200
