"""The market's page without a browser: what stands on it, how it is found by its address, and what it costs."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from psycopg import Cursor
from werkzeug.test import TestResponse

from core.sources import SOURCES
from tests.contract import ContractClient, exact
from tests.factories import NOON, Factory

PERSON = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
HOSTILE = "<script>alert(1)</script>\"'&"
# Of what a page may point at, only this is allowed to be absolute: the namespace of inline SVG is none of it.
_LINKS = re.compile(r"""(?:href|src|action|data-figures)="([^"]*)\"""")


@pytest.fixture
def visitor(client: ContractClient) -> FlaskClient:
    """On a server that is open to this machine."""
    return FlaskClient(client.application)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What requests sent to Postgres since the list was cleared, but for what keys a process asks for now and then."""
    seen: list[str] = []
    execute = Cursor.execute

    def watched(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        text = query if isinstance(query, str) else query.as_string(self)
        if "FROM api_keys" not in text and "FROM session_secret" not in text:
            seen.append(text)
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(Cursor, "execute", watched)
    yield seen


def page(visitor: FlaskClient, address: str = "/") -> TestResponse:
    answer = visitor.get(address, headers=PERSON)
    assert answer.status_code == 200, answer.text
    return answer


def words(text: str) -> str:
    """As a reader sees it."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def ids(answer: TestResponse) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'data-coin="([^"]*)"', answer.text)]


def row(answer: TestResponse, canonical_id: str) -> str:
    found = re.search(rf'<tr data-coin="{re.escape(canonical_id)}">.*?</tr>', answer.text, flags=re.DOTALL)
    assert found
    return found[0]


def links(answer: TestResponse) -> list[str]:
    return [html.unescape(link) for link in _LINKS.findall(answer.text)]


def many(factory: Factory, count: int) -> None:
    """Coins with long names and figures, and an hourly week behind each of the first 100."""
    factory.connection.execute(
        """
        INSERT INTO cryptocurrencies (canonical_id, symbol, name, price, market_cap, volume_24h, price_change_24h, rank,
                                      source, last_updated, time_assumed)
        SELECT 'coin-number-' || n, 'SYM' || n, 'A Coin With A Long Name ' || n, 12345.678901234567 / n,
               1234567890123.45 / n, 98765432109.87 / n, (n %% 199) - 99.12345, n, 'coinpaprika', %s, false
        FROM generate_series(1, %s) AS n
        """,
        [NOON, count],
    )
    factory.connection.execute(
        """
        INSERT INTO source_mappings (source, source_id, coin_key, symbol, name, symbol_key, name_key, relation,
                                     matched_by)
        SELECT 'coinpaprika', canonical_id, coin_key, symbol, name, symbol, name, 'same', 'new'
        FROM cryptocurrencies WHERE rank <= 100
        """
    )
    factory.connection.execute(
        """
        INSERT INTO price_history (mapping_key, observed_at, time_assumed, price)
        SELECT mapping_key, %s - step * interval '1 hour', false, 1000 + (mapping_key * step * 7919) %% 613
        FROM source_mappings, generate_series(0, 167) AS step
        """,
        [NOON],
    )
    # Whatever is written into the tables counts.
    factory.coin("the-last")


def test_a_coin_is_shown_with_all_that_is_known_of_it(visitor: FlaskClient, factory: Factory) -> None:
    factory.coin(
        "btc",
        name="Bitcoin",
        price="64123.45",
        market_cap="1263000000000",
        volume_24h="25123456789",
        price_change_24h="-1.234",
        rank=1,
        source="coingecko",
    )
    shown = row(page(visitor), "btc")
    assert re.match(r"1 B Bitcoin BTC \$64,123\.45 −1\.23% — \$1\.26T \$25\.12B coingecko \d+ d ago", words(shown))
    assert 'href="/coins/btc"' in shown
    assert 'class="change change--down"' in shown
    assert '<time datetime="2026-03-01T12:00:00+00:00" title="2026-03-01 12:00:00 UTC"' in shown


@pytest.mark.parametrize(
    ("digits", "said"), [("1.223e-09", "$0.0₈1223"), ("98765.4321", "$98,765.43"), ("0.30", "$0.30")]
)
def test_a_price_is_readable_and_has_its_digits_in_the_title(
    visitor: FlaskClient, factory: Factory, digits: str, said: str
) -> None:
    factory.coin("btc", price=digits)
    plain = {"1.223e-09": "0.000000001223"}.get(digits, digits)
    assert f'value="{plain}" title="{plain}" data-figure="price">{said}</data>' in row(page(visitor), "btc")


def test_what_is_unknown_is_a_dash(visitor: FlaskClient, factory: Factory) -> None:
    factory.coin("btc", price=None, last_updated=None, source=None)
    assert words(row(page(visitor), "btc")) == "— B Btc BTC — — — — — — —"


def test_a_week_of_prices_is_a_line_of_at_most_42_points(visitor: FlaskClient, factory: Factory) -> None:
    many(factory, 3)
    lines = re.findall(r'points="([^"]+)"', row(page(visitor), "coin-number-1"))
    assert [len(line.split()) for line in lines] == [42]


def test_a_week_ends_when_the_coin_was_last_updated(visitor: FlaskClient, factory: Factory) -> None:
    mapping = factory.quote(factory.coin("btc"), "csv", "btc")
    for hours, price in ((0, 3), (24, 2), (24 * 7 - 1, 1), (24 * 7 + 1, 999)):
        factory.connection.execute(
            "INSERT INTO price_history (mapping_key, observed_at, time_assumed, price) VALUES (%s, %s, false, %s)",
            [mapping, NOON - timedelta(hours=hours), price],
        )
    shown = row(page(visitor), "btc")
    assert 'points="0,34 105,18 123,2"' in shown
    assert 'aria-label="7 days: +200.00%"' in shown


def test_at_each_time_the_winners_price_counts_and_else_the_next_sources(
    visitor: FlaskClient, factory: Factory
) -> None:
    coin = factory.coin("btc", source="coingecko")
    for source, prices in (("csv", (9, 9, 1)), ("coingecko", (3, None, None)), ("coinpaprika", (8, 2, None))):
        mapping = factory.quote(coin, source, "btc")
        for days, price in enumerate(prices):
            factory.connection.execute(
                "INSERT INTO price_history (mapping_key, observed_at, time_assumed, price) VALUES (%s, %s, false, %s)",
                [mapping, NOON - timedelta(days=days), price],
            )
    wrapped = factory.quote(coin, "coingecko", "wrapped", relation="wrapped")
    factory.connection.execute(
        "INSERT INTO price_history (mapping_key, observed_at, time_assumed, price) VALUES (%s, %s, false, 99)",
        [wrapped, NOON],
    )
    # 1 of csv, then 2 of coinpaprika, then 3 of coingecko: a straight line
    assert 'points="87,34 105,18 123,2"' in row(page(visitor), "btc")


def test_a_flag_is_shown_and_explained(visitor: FlaskClient, factory: Factory) -> None:
    factory.coin("btc", flags=["negative_price"])
    factory.coin("eth")
    shown = page(visitor)
    assert "Flagged : Its price is below zero." in words(row(shown, "btc"))
    assert "Flagged" not in row(shown, "eth")


def test_totals_and_movers_are_those_of_the_api(visitor: FlaskClient, client: ContractClient, factory: Factory) -> None:
    for number in range(1, 8):
        factory.coin(f"up{number}", price_change_24h=number, market_cap="1000000", volume_24h="2000000")
        factory.coin(f"down{number}", price_change_24h=-number)
    factory.coin("wrong", price_change_24h="999", market_cap="9e12", flags=["negative_price"])
    shown = page(visitor).text
    stats = exact(client.get("/api/v1/stats"))
    for title, movers in (("Top gainers", stats["top_gainers"]), ("Top losers", stats["top_losers"])):
        found = re.search(rf'aria-label="{title}">.*?</section>', shown, flags=re.DOTALL)
        assert found
        linked = re.findall(r'href="/coins/([^"]+)"', found[0])
        assert linked == [mover["canonical_id"] for mover in movers]
    assert "Market cap $7.00M of 15 coins" in words(shown)
    assert "Volume 24 h $14.00M 7 up, 7 down" in words(shown)
    assert stats["total_market_cap"] == 7_000_000


def test_every_source_can_be_chosen_whether_it_has_a_priority_or_not(visitor: FlaskClient) -> None:
    offered = re.findall(r'<option[^>]*>(\w+)</option>', page(visitor).text)
    assert set(SOURCES) <= set(offered)


def test_search_source_sort_and_page_stand_in_the_address(visitor: FlaskClient, factory: Factory) -> None:
    for number in range(1, 121):
        factory.coin(f"c{number:03}", price=str(number), source="coingecko" if number % 2 else "csv")
    assert ids(page(visitor, "/?sort=-price"))[:2] == ["c120", "c119"]
    assert ids(page(visitor, "/?sort=price&page=3"))[0] == "c101"
    assert ids(page(visitor, "/?sort=price&source=csv&page=2"))[0] == "c102"
    assert ids(page(visitor, "/?search=c11&sort=price")) == [f"c{number}" for number in range(110, 120)]


def test_links_keep_the_state_and_a_new_order_begins_at_the_first_page(visitor: FlaskClient, factory: Factory) -> None:
    for number in range(120):
        factory.coin(f"c{number:03}", price=str(number))
    shown = links(page(visitor, "/?sort=-price&search=c&page=2"))
    queries = [parse_qs(urlsplit(link).query) for link in shown if urlsplit(link).path == "/"]
    assert {"sort": ["-price"], "search": ["c"], "page": ["3"]} in queries
    assert {"sort": ["-price"], "search": ["c"]} in queries
    assert {"sort": ["price"], "search": ["c"]} in queries
    assert {"sort": ["name"], "search": ["c"]} in queries


def test_the_heading_that_sorts_says_so_and_which_way(visitor: FlaskClient, factory: Factory) -> None:
    factory.coin("btc")
    shown = page(visitor, "/?sort=price").text
    assert len(re.findall("aria-sort", shown)) == 1
    assert re.search(
        r'<th scope="col" class="c-price end" aria-sort="ascending"><a class="sort" href="/\?sort=-price">', shown
    )


def test_the_page_names_the_api_call_that_shows_the_same(
    visitor: FlaskClient, client: ContractClient, factory: Factory
) -> None:
    for number in range(60):
        factory.coin(f"c{number:02}", price=str(number))
    shown = page(visitor, "/?sort=price&search=c&page=2")
    found = re.search(r'<code id="curl">(.*?)</code>', shown.text)
    assert found
    address = html.unescape(found[1]).removeprefix("curl 'http://localhost").removesuffix("'")
    assert [coin["canonical_id"] for coin in exact(client.get(address))["data"]] == ids(shown)
    assert f'data-figures="{html.escape(address)}"' in shown.text


@pytest.mark.parametrize("address", ["/?page=9", "/?search=nothing", "/?source=coinpaprika&search=btc"])
def test_where_nothing_is_found_a_link_leads_back(visitor: FlaskClient, factory: Factory, address: str) -> None:
    factory.coin("btc")
    shown = page(visitor, address)
    assert ids(shown) == []
    assert 'class="empty"' in shown.text
    assert any(link == "/" for link in links(shown) if link)


def test_without_any_data_the_page_says_how_to_begin(visitor: FlaskClient) -> None:
    shown = page(visitor).text
    assert "No coins yet" in shown
    assert 'href="/jobs"' in shown


@pytest.mark.parametrize(
    "address", ["/?sort=coin_key", "/?page=-1", "/?page=٣", "/?search=%00", "/?source=x'--", "/?a=b"]
)
def test_an_address_that_makes_no_sense_shows_the_market(visitor: FlaskClient, factory: Factory, address: str) -> None:
    factory.coin("btc")
    assert ids(page(visitor, address)) == ["btc"]


def test_hostile_names_are_text(visitor: FlaskClient, factory: Factory) -> None:
    factory.coin(f"id {HOSTILE}", symbol=HOSTILE, name=HOSTILE, price_change_24h="5", source=HOSTILE, flags=[HOSTILE])
    shown = page(visitor, "/?search=" + "%3Cscript%3Ealert(1)")
    assert len(ids(shown)) == 1
    assert "<script>alert" not in shown.text
    assert not re.search(r"""["']\s*on\w+=""", shown.text)
    assert "<script>alert" not in page(visitor, "/?search=%22%3E%3Cscript%3Ealert(1)").text
    assert "<script>alert" not in visitor.get("/market/overview", headers=PERSON).text


def test_the_policy_allows_nothing_in_line_and_no_other_host(visitor: FlaskClient, factory: Factory) -> None:
    factory.coin("btc")
    shown = page(visitor)
    policy = dict(part.strip().partition(" ")[::2] for part in shown.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert shown.headers["Cache-Control"] == "no-cache"
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)", shown.text)
    assert [link for link in links(shown) if urlsplit(link).netloc] == []
    assert [found for found in re.findall(r"https?://[^\s'\"<&]+", shown.text) if "localhost" not in found] == []


def test_with_20_000_coins_the_first_view_is_under_100_kb_and_3_statements(
    visitor: FlaskClient, factory: Factory, statements: list[str]
) -> None:
    many(factory, 20_000)
    # The first request of a process also sees whether the schema is its own.
    visitor.get("/api/v1/coins/none")
    costs = []
    for address in ("/", "/", "/?sort=-price", "/?sort=-price&page=2"):
        statements.clear()
        shown = page(visitor, address)
        assert len(ids(shown)) == 50
        assert len(shown.data) < 100_000
        costs.append(len(statements))
    # and when the data have changed since
    factory.coin("another", market_cap="9e15")
    statements.clear()
    for address in ("/", "/?sort=-price"):
        statements.clear()
        page(visitor, address)
        costs.append(len(statements))
    assert max(costs) <= 3
    assert costs[1] < costs[0]


def test_what_stands_above_the_table_can_be_asked_for_alone(visitor: FlaskClient, factory: Factory) -> None:
    factory.coin("btc", market_cap="5000000")
    shown = page(visitor, "/market/overview").text
    assert "Market cap $5.00M of 1 coin" in words(shown)
    assert "<html" not in shown
    factory.coin("eth", market_cap="5000000")
    assert "Market cap $10.00M of 2 coins" in words(page(visitor, "/market/overview").text)


def test_files_are_kept_for_ever_under_an_address_that_names_their_content(visitor: FlaskClient) -> None:
    files = [link for link in links(page(visitor)) if link.startswith("/static/")]
    assert len(files) >= 4
    for file in files:
        with visitor.get(file) as answer:
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    digest = files[0].split("/")[2]
    with visitor.get(files[0].replace(digest, "0" * 16)) as older:
        assert (older.status_code, older.headers["Cache-Control"]) == (200, "no-cache")
    assert visitor.get(f"/static/{digest}/../app.py").status_code == 404


def test_a_page_that_is_not_there_is_a_page_for_browsers_and_a_problem_for_programs(visitor: FlaskClient) -> None:
    shown = visitor.get("/nowhere", headers=PERSON)
    assert (shown.status_code, shown.content_type) == (404, "text/html; charset=utf-8")
    assert "Nothing here" in shown.text
    assert "script-src 'self'" in shown.headers["Content-Security-Policy"]
    assert visitor.get("/nowhere").content_type == "application/problem+json"
    assert visitor.get("/api/v1/nowhere", headers=PERSON).content_type == "application/problem+json"
