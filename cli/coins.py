"""Coins: found, and one with its evidence. JSON is the API's, digit for digit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import click

from cli.output import facts, table
from cli.program import Program, note
from core.errors import ProjectError
from core.kept import Kept
from db import coins, mappingviews
from db.coins import CoinQuery


class NoSuchCoin(ProjectError):
    """There is no coin of that id."""


def list_coins(program: Program, query: CoinQuery, *, as_json: bool) -> None:
    with program.database.connection() as connection:
        text = coins.page_of_coins(connection, query, Kept(0)).text
    if as_json:
        click.echo(text)
        return
    page = _exact(text)
    table(
        ("rank", "id", "symbol", "name", "price", "24h %", "market cap", "source", "last updated"),
        [
            (
                coin["rank"],
                coin["canonical_id"],
                coin["symbol"],
                coin["name"],
                _figure(coin["price"]),
                _figure(coin["price_change_24h"]),
                _figure(coin["market_cap"]),
                coin["source"],
                coin["last_updated"],
            )
            for coin in page["data"]
        ],
        right=("rank", "price", "24h %", "market cap"),
    )
    if page["total"] > len(page["data"]):
        note(f"{len(page['data'])} of {page['total']} coins; --limit and --page show more.")


def show_coin(program: Program, canonical_id: str, *, as_json: bool) -> None:
    """An id that was given up leads to the coin that it is now. Raises NoSuchCoin."""
    with program.database.connection() as connection:
        found = coins.one_coin(connection, canonical_id)
        if found is None and (now := mappingviews.redirect_of(connection, canonical_id)):
            note(f"{canonical_id} is {now} now")
            found = coins.one_coin(connection, now)
    if found is None:
        raise NoSuchCoin(f"There is no coin {canonical_id[:100]!r}; `coins SEARCH` finds them.")
    if as_json:
        click.echo(found.text)
        return
    coin = _exact(found.text)
    facts((name, _shown(value)) for name, value in coin.items() if name not in ("quotes", "mappings"))
    click.echo()
    table(
        ("source", "id there", "relation", "matched by", "price", "market cap", "observed"),
        [
            (
                quote["source"],
                quote["source_id"],
                quote["relation"],
                next((m["matched_by"] for m in coin["mappings"] if _same(m, quote)), None),
                _figure(quote["price"]),
                _figure(quote["market_cap"]),
                quote["observed_at"],
            )
            for quote in coin["quotes"]
        ],
        right=("price", "market cap"),
    )


def _same(mapping: dict[str, Any], quote: dict[str, Any]) -> bool:
    return (mapping["source"], mapping["source_id"]) == (quote["source"], quote["source_id"])


def _exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def _figure(value: Decimal | int | None) -> str | None:
    return None if value is None else format(value, "f" if isinstance(value, Decimal) else "d")


def _shown(value: object) -> object:
    if isinstance(value, Decimal):
        return _figure(value)
    if isinstance(value, list):
        return " ".join(map(str, value)) or None
    if isinstance(value, dict):
        return " ".join(f"{name}={each}" for name, each in value.items()) or None
    return value
