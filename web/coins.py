"""GET /api/v1/coins/{canonical_id}, …/explain and …/history: one coin, all its evidence, and its past."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from flask import Response, request

from core import exact_json
from db import coins, mappingviews
from db.explain import explain
from db.history import HistoryQuery, page_of_history
from db.pool import Connection
from web.answers import json_object, json_text
from web.api import Answer, Blueprint
from web.evidenceschemas import EXPLANATION, HISTORY_PAGE, ExplanationSchema, HistoryPageSchema
from web.examples import COIN, MOVED
from web.parameters import PastQuery
from web.problems import Problem
from web.reads import remembered
from web.schemas import CoinSchema, MovedSchema
from web.services import rules, services

PREFIX = "/api/v1/coins"

blueprint = Blueprint("coins", __name__, url_prefix=PREFIX, description="One coin and its evidence")

# 308 and not 301, so that the method stays; not to be kept for good, since a merge by hand may be taken back.
_MOVED = Answer(
    MovedSchema, MOVED, "The id was given up when its coin was merged into another", {"Location": "the other coin"}
)


@blueprint.operation(
    "GET",
    # Ids come from symbols, and a symbol may hold a slash.
    "/<path:canonical_id>",
    role="read",
    answers={200: Answer(CoinSchema, COIN, "The coin"), 308: _MOVED},
    revalidated=True,
    errors=(404,),
)
def get_coin(_query: dict[str, Any], canonical_id: str) -> Response:
    """One coin: its golden record, the latest quote of every source, and why these are one coin."""
    _possible(canonical_id)
    with services().database.connection() as connection:
        question = partial(coins.one_coin, canonical_id=canonical_id)
        found = question(connection)
        return remembered(question, found) if found else _elsewhere(connection, canonical_id)


@blueprint.operation(
    "GET",
    "/<path:canonical_id>/explain",
    role="read",
    answers={200: Answer(ExplanationSchema, EXPLANATION, "Why"), 308: _MOVED},
    errors=(404,),
)
def explain_coin(_query: dict[str, Any], canonical_id: str) -> Response:
    """Why these quotes are one coin, by which rule each; what else it might have been; where each figure came from.

    It ranks quotes by the statement that merges them, and by the rules as they are now.
    """
    _possible(canonical_id)
    with services().database.connection() as connection:
        found = explain(connection, canonical_id, rules())
        return json_text(exact_json.written(found)) if found else _elsewhere(connection, canonical_id, "/explain")


@blueprint.operation(
    "GET",
    "/<path:canonical_id>/history",
    role="read",
    query=PastQuery,
    answers={200: Answer(HistoryPageSchema, HISTORY_PAGE, "A page, the oldest first"), 308: _MOVED},
    errors=(404,),
)
def get_history(query: dict[str, Any], canonical_id: str) -> Response:
    """A coin's past: raw observations, or open, high, low, close and average by hour or day (UTC).

    By hour or day without `source`, each is the one source's with the highest priority that has a price in it, wrapped
    coins' prices left out where there is a native one. An hour or day without a price is absent. Each belongs to the
    range in which it begins.
    """
    _possible(canonical_id)
    with services().database.connection() as connection:
        found = page_of_history(connection, canonical_id, HistoryQuery(**query), rules().priorities)
        return json_text(found) if found else _elsewhere(connection, canonical_id, "/history")


def _possible(canonical_id: str) -> None:
    """Raise a 404 Problem for an id that Postgres can't even be asked for."""
    if "\x00" in canonical_id:
        raise _no_coin(canonical_id)


def _elsewhere(connection: Connection, canonical_id: str, part: str = "") -> Response:
    """Where the coin of an id given up is now, with the same part of it and the same query. Raises a 404 Problem."""
    target = mappingviews.redirect_of(connection, canonical_id)
    if target is None:
        raise _no_coin(canonical_id)
    asked = request.query_string.decode("latin-1")
    location = f"{PREFIX}/{quote(target, safe='')}{part}{'?' if asked else ''}{asked}"
    return json_object({"canonical_id": target, "location": location}, 308, {"Location": location})


def _no_coin(canonical_id: str) -> Problem:
    return Problem(404, f"There is no coin {canonical_id[:100]!r}; /api/v1/data?search= finds them.")
