"""GET /api/v1/stats: the market in a few figures."""

from __future__ import annotations

from typing import Any

from flask import Response

from db import coins
from web.api import Answer, Blueprint
from web.examples import STATS
from web.reads import remembered
from web.schemas import StatsSchema
from web.services import services

blueprint = Blueprint("stats", __name__, url_prefix="/api/v1/stats", description="The market in a few figures")


@blueprint.operation("GET", "", role="read", answers={200: Answer(StatsSchema, STATS, "The figures")}, revalidated=True)
def get_stats(_query: dict[str, Any]) -> Response:
    """Totals, the average price, the five top gainers and losers.

    Records with a flag, whose figures can't be right, count in total_coins alone.
    """
    with services().database.connection() as connection:
        return remembered(coins.market_stats, coins.market_stats(connection))
