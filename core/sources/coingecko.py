"""CoinGecko's `/coins/markets`: pages of up to 250 coins by market cap, in US dollars.

Facts (https://docs.coingecko.com/reference/coins-markets): `per_page` is 250 at most, more is clamped in silence; any
figure may be null, the price included; `last_updated` is ISO 8601 with milliseconds; a key goes into a header whose
name depends on the plan, and so on the host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from core.errors import GiveUp, Retry
from core.figures import moment_of
from core.http import get_json
from core.models import JsonObject, Page, Parsed, Quote
from core.sources import json_rows
from core.sources.source import Ask

LARGEST_PAGE = 250
MOST_PAGES = 400  # 100,000 coins, five times what there is: a list that goes on beyond is not a list of coins


class CoinGecko:
    """`pages` asks for whole pages of one size, so that paging stays consistent; `take` in the meta cuts the last."""

    name = "coingecko"
    default_limit: int | None = 100

    def pages(self, ask: Ask, cursor: JsonObject) -> Iterator[Page]:
        """Page after page until `ask.limit` coins are there or a page comes back shorter than asked.

        Cursor: `page`, the number of the next one, and `previous`, a digest of the ids in the last one. The list moves
        while it is read, so a coin may come twice or slip through between two pages; a page with just the ids of the
        one before is a failure of the server though (Retry), and so is an empty first page. An empty later page is
        the end of the list.
        """
        per_page = LARGEST_PAGE if ask.limit is None else min(ask.limit, LARGEST_PAGE)
        number, previous = _position(cursor)
        last = False
        while not last:
            if number > MOST_PAGES:
                raise GiveUp(f"{self.name} lists more than {MOST_PAGES * LARGEST_PAGE} coins, which can't be")
            fetched_at = datetime.now(UTC)
            body, rows = self._ask(ask, number, per_page)
            if not rows and number == 1:
                raise Retry(f"{self.name} answered with an empty market")
            ids = _digest(rows)
            if rows and ids == previous:
                raise Retry(f"{self.name} sent page {number - 1} again as page {number}")
            wanted = len(rows) if ask.limit is None else max(ask.limit - (number - 1) * per_page, 0)
            last = len(rows) < per_page or (ask.limit is not None and wanted <= per_page)
            meta: JsonObject = {"take": min(wanted, len(rows)), "fetched_at": fetched_at.isoformat()}
            yield Page(number, body, meta, {"page": number + 1, "previous": ids}, last)
            number, previous = number + 1, ids

    def parse(self, body: bytes, meta: JsonObject) -> Parsed:
        """Every row as a Quote or a Rejection; a row without a price is a Quote whose price is unknown."""
        rows = json_rows.rows_of(self.name, body)
        take = meta.get("take")
        now = json_rows.fetched_at(meta)
        taken = rows[:take] if isinstance(take, int) else rows
        return json_rows.parse_rows(enumerate(taken, 1), lambda row: _quote(row, now))

    def _ask(self, ask: Ask, number: int, per_page: int) -> tuple[bytes, list[object]]:
        settings = ask.settings
        secrets = key_header(settings.coingecko_api_url, settings.coingecko_api_key)
        answer = get_json(
            self.name,
            f"{settings.coingecko_api_url}/coins/markets",
            params={
                "vs_currency": "usd",
                "order": "market_cap_desc",
                "per_page": str(per_page),
                "page": str(number),
                "sparkline": "false",
            },
            timeout=settings.http_timeout,
            secrets=secrets,
            turn=ask.turn,
        )
        return answer.body, json_rows.market_of(self.name, answer, secrets)


def key_header(url: str, key: str) -> dict[str, str]:
    """The header that carries `key`: the pro plan's on its own host, the demo plan's on any other; none without key."""
    if not key:
        return {}
    pro = urlsplit(url).hostname == "pro-api.coingecko.com"
    return {"x-cg-pro-api-key" if pro else "x-cg-demo-api-key": key}


def _position(cursor: JsonObject) -> tuple[int, str]:
    page, previous = cursor.get("page", 1), cursor.get("previous", "")
    if not isinstance(page, int) or page < 1 or not isinstance(previous, str):
        raise GiveUp("The place to go on from is not one of coingecko's")
    return page, previous


def _digest(rows: list[object]) -> str:
    """Of the page's ids, whatever their order."""
    ids = (row.get("id") for row in rows if isinstance(row, dict))
    text = "\n".join(sorted(row_id for row_id in ids if isinstance(row_id, str)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _quote(row: json_rows.Row, now: datetime) -> Quote:
    source_id = json_rows.id_of(row)
    symbol, name = json_rows.symbol_and_name_of(row)
    return Quote(
        source_id=source_id,
        symbol=symbol,
        name=name,
        price=json_rows.figure_of(row, "current_price"),
        market_cap=json_rows.figure_of(row, "market_cap"),
        volume_24h=json_rows.figure_of(row, "total_volume"),
        price_change_24h=json_rows.figure_of(row, "price_change_percentage_24h"),
        high_24h=json_rows.figure_of(row, "high_24h"),
        low_24h=json_rows.figure_of(row, "low_24h"),
        circulating_supply=json_rows.figure_of(row, "circulating_supply"),
        total_supply=json_rows.figure_of(row, "total_supply"),
        max_supply=json_rows.figure_of(row, "max_supply"),
        rank=json_rows.rank_in(row, "market_cap_rank"),
        observed_at=moment_of(row.get("last_updated"), now),
    )


COINGECKO = CoinGecko()
