"""GET /api/v1/data: golden records, page by page. DELETE clears all."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response

from db import coins
from web.answers import json_object, refuse_body
from web.api import Answer, Blueprint
from web.examples import COINS_PAGE
from web.parameters import ClearQuery, CoinsQuery
from web.reads import remembered
from web.schemas import ClearedSchema, CoinsPageSchema
from web.services import services

blueprint = Blueprint("data", __name__, url_prefix="/api/v1/data", description="One trusted record a coin")


@blueprint.operation(
    "GET",
    "",
    role="read",
    query=CoinsQuery,
    answers={200: Answer(CoinsPageSchema, COINS_PAGE, "A page of golden records; empty past the last")},
    revalidated=True,
)
def list_data(query: dict[str, Any]) -> Response:
    """List golden records, page by page.

    Filters are combined. Ties are broken by canonical_id, so that a walk through the pages sees each record once while
    the data stays the same.
    """
    sort = query.pop("sort")
    asked = coins.CoinQuery(sort=sort.removeprefix("-"), descending=sort.startswith("-"), **query)
    question = partial(coins.page_of_coins, query=asked, orders=services().orders)
    with services().database.connection() as connection:
        return remembered(question, question(connection))


@blueprint.operation(
    "DELETE",
    "",
    role="admin",
    query=ClearQuery,
    answers={200: Answer(ClearedSchema, {"status": "success", "deleted_coins": 1519}, "All is cleared")},
    errors=(415,),
)
def delete_data(_query: dict[str, Any]) -> Response:
    """Clear all data: coins, mappings, quotes and history.

    This can't be undone. Jobs stay on record; one that runs meanwhile brings its coins back.
    """
    refuse_body()
    with services().database.transaction() as connection:
        deleted = coins.clear_data(connection)
    return json_object({"status": "success", "deleted_coins": deleted})
