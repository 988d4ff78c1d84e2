"""GET /coins/{canonical_id}: one coin with its past, its sources side by side, and why they are one coin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote

from flask import Response, redirect, render_template, request
from werkzeug.wrappers import Response as Redirection

from core import exact_json
from db import coins, mappingviews
from db.explain import explain
from db.history import HistoryQuery, page_of_history
from db.pool import Connection
from web.pages import coinsources, coinwords
from web.pages.blueprint import pages
from web.pages.coinstate import INTERVAL_WORDS, RANGE_WORDS, RANGES, STYLES, ChartState, state_of
from web.pages.moments import parsed
from web.problems import Problem
from web.services import rules, services

# More than any table of hours or days holds.
_TABLE_ROWS = 400


@pages.get("/coins/<path:canonical_id>")
def coin(canonical_id: str) -> str | Redirection:
    """The page; 302 from an id that was given up, which may come back when a merge is undone."""
    if "\x00" in canonical_id:
        raise _no_coin(canonical_id)
    now = datetime.now(UTC)
    with services().database.connection() as connection:
        read = coins.one_coin(connection, canonical_id)
        explained = explain(connection, canonical_id, rules()) if read else None
        if read is None or explained is None:
            return _elsewhere(connection, canonical_id)
        record = _json(read.text)
        state = state_of(request.args, parsed(record["last_updated"]), now)
        past = _past(connection, canonical_id, state, now)
    sources = coinsources.lines(record, explained)
    return render_template(
        "coin.html",
        coin=record,
        explained=explained,
        flags=coinwords.flags(record["flags"]),
        native=[line for line in sources if not line.wrapped],
        wrapped=[line for line in sources if line.wrapped],
        sources=sources,
        fields=coinsources.fields(explained),
        state=state,
        past=past,
        ranges=RANGES,
        styles=STYLES,
        range_words=RANGE_WORDS,
        interval_words=INTERVAL_WORDS,
        api=f"/api/v1/coins/{quote(canonical_id, safe='')}",
        coin_address=coin_address,
    )


def coin_address(canonical_id: str) -> str:
    """Where a coin's page is."""
    return f"/coins/{quote(canonical_id, safe='')}"


def _past(connection: Connection, canonical_id: str, state: ChartState, now: datetime) -> list[dict[str, Any]]:
    """The table's rows, the latest first."""
    query = HistoryQuery(1, _TABLE_ROWS, state.interval, state.table_begin(now))
    found = page_of_history(connection, canonical_id, query, rules().priorities)
    return list(reversed(_json(found)["data"])) if found else []


def _elsewhere(connection: Connection, canonical_id: str) -> Redirection:
    target = mappingviews.redirect_of(connection, canonical_id)
    if target is None:
        raise _no_coin(canonical_id)
    asked = request.query_string.decode("latin-1")
    moved: Response = cast(Response, redirect(f"{coin_address(target)}{'?' if asked else ''}{asked}", 302))
    return moved


def _no_coin(canonical_id: str) -> Problem:
    return Problem(404, f"There is no coin {canonical_id[:100]!r}. The market's search finds coins by name or symbol.")


def _json(text: str) -> dict[str, Any]:
    return cast(dict[str, Any], exact_json.read(text.encode()))
