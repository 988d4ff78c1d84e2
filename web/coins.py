"""GET /api/v1/coins/{canonical_id}: one coin with all its evidence."""

from __future__ import annotations

from typing import Any

from flask import Response

from db import coins
from web.answers import json_text
from web.api import Answer, Blueprint
from web.examples import COIN
from web.problems import Problem
from web.schemas import CoinSchema
from web.services import services

blueprint = Blueprint("coins", __name__, url_prefix="/api/v1/coins", description="One coin and its evidence")


@blueprint.operation(
    "GET",
    # Ids come from symbols, and a symbol may hold a slash.
    "/<path:canonical_id>",
    role="read",
    answers={200: Answer(CoinSchema, COIN, "The coin")},
    errors=(404,),
)
def get_coin(_query: dict[str, Any], canonical_id: str) -> Response:
    """One coin: its golden record, the latest quote of every source, and why these are one coin."""
    found = None
    if "\x00" not in canonical_id:
        with services().database.connection() as connection:
            found = coins.one_coin(connection, canonical_id)
    if found is None:
        raise Problem(404, f"There is no coin {canonical_id[:100]!r}; /api/v1/data?search= finds them.")
    return json_text(found)
