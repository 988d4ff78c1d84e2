"""GET /: the market as a table. GET /market/overview: what stands above it, for when figures change."""

from __future__ import annotations

from typing import Any, cast

from flask import current_app, render_template, request

from core import exact_json
from core.sources import SOURCES
from db.coins import page_of_coins
from web.pages.address import curl
from web.pages.blueprint import pages
from web.pages.coinwords import flags
from web.pages.marketbeside import MarketBeside
from web.pages.marketquery import COLUMNS, MarketQuery
from web.services import services

_BESIDE = "market_beside"


@pages.get("/")
def market() -> str:
    query = MarketQuery.of(request.args)
    asked = query.coins()
    with services().database.connection() as connection:
        read = page_of_coins(connection, asked, services().orders)
        # The page's figures stay Decimals and its names text: the template escapes them.
        found = cast(dict[str, Any], exact_json.read(read.text.encode()))
        ids = tuple(coin["canonical_id"] for coin in found["data"])
        overview, lines = _beside().of(connection, read.version, ids)
    return render_template(
        "market.html",
        query=query,
        columns=COLUMNS,
        coins=found["data"],
        total=int(found["total"]),
        total_pages=int(found["total_pages"]),
        lines=lines,
        overview=overview,
        sources=tuple(SOURCES),
        flags=flags,
        command=curl(query.api_address()),
        figures_at=query.api_address(),
    )


@pages.get("/market/overview")
def market_overview() -> str:
    with services().database.connection() as connection:
        overview, _ = _beside().of(connection, None, ())
    return render_template("market_overview.html", overview=overview)


def _beside() -> MarketBeside:
    """What this process keeps of it."""
    kept = current_app.extensions.setdefault(_BESIDE, MarketBeside(services().settings.source_priority))
    return cast(MarketBeside, kept)
