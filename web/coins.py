"""GET /api/v1/coins/{canonical_id}: one coin with all its evidence."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Response, request

from db import coins, mappingviews
from db.pool import Connection
from web.answers import json_object, json_text
from web.api import Answer, Blueprint
from web.examples import COIN, MOVED
from web.problems import Problem
from web.schemas import CoinSchema, MovedSchema
from web.services import services

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
    errors=(404,),
)
def get_coin(_query: dict[str, Any], canonical_id: str) -> Response:
    """One coin: its golden record, the latest quote of every source, and why these are one coin."""
    _possible(canonical_id)
    with services().database.connection() as connection:
        found = coins.one_coin(connection, canonical_id)
        return json_text(found) if found else _elsewhere(connection, canonical_id)


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
