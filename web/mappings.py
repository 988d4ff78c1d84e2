"""GET /api/v1/mappings; PUT and DELETE …/{source}/{source_id}: see identity, and correct it by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from db import corrections, mappingviews
from db.mappingviews import MappingQuery
from db.pool import Connection
from web.answers import json_text, refuse_body
from web.api import Answer, Blueprint, Body
from web.examples import MAPPING, MAPPINGS_PAGE
from web.parameters import CorrectionBody, MappingsQuery
from web.problems import Problem
from web.schemas import MappingsPageSchema, PlacedMappingSchema
from web.services import rules, services

blueprint = Blueprint("mappings", __name__, url_prefix="/api/v1/mappings", description="Which id is which coin")

_ONE = Answer(PlacedMappingSchema, MAPPING, "The mapping as it is now")


@blueprint.operation(
    "GET",
    "",
    role="read",
    query=MappingsQuery,
    answers={200: Answer(MappingsPageSchema, MAPPINGS_PAGE, "A page of mappings; empty past the last")},
)
def list_mappings(query: dict[str, Any]) -> Response:
    """List which coin each source's ids were taken for, and by which rule, sorted by source and id."""
    ambiguous = query.pop("ambiguous", None)
    asked = MappingQuery(**query, ambiguous=None if ambiguous is None else ambiguous == "true")
    with services().database.connection() as connection:
        return json_text(mappingviews.page_of_mappings(connection, asked))


@blueprint.operation(
    "PUT",
    # A source's id may hold a slash.
    "/<source>/<path:source_id>",
    role="admin",
    body=Body(CorrectionBody, {"canonical_id": "btc", "relation": "same"}),
    answers={200: _ONE},
    errors=(404,),
)
def put_mapping(_query: dict[str, Any], body: Mapping[str, Any], source: str, source_id: str) -> Response:
    """Say by hand which coin an id is.

    Its quotes and history follow, and the golden records of both coins with them. A coin that nothing is left of
    becomes a redirect. With `canonical_id` null the id gets a coin of its own; a canonical id that is free makes a new
    coin. This wins over every rule and survives every ingest; DELETE takes it back.
    """
    _known(source, source_id)
    with services().database.transaction() as connection:
        corrections.correct(connection, source, source_id, rules(), **body)
        return _shown(connection, source, source_id)


@blueprint.operation("DELETE", "/<source>/<path:source_id>", role="admin", answers={200: _ONE}, errors=(404, 415))
def delete_mapping(_query: dict[str, Any], source: str, source_id: str) -> Response:
    """Forget a correction: the rules decide again, as if the id came for the first time.

    404 when the id was never seen, or not corrected.
    """
    refuse_body()
    _known(source, source_id)
    with services().database.transaction() as connection:
        corrections.forget(connection, source, source_id, rules())
        return _shown(connection, source, source_id)


def _known(source: str, source_id: str) -> None:
    if "\x00" in source + source_id:
        raise Problem(404, "No id holds a zero byte.")


def _shown(connection: Connection, source: str, source_id: str) -> Response:
    return json_text(mappingviews.one_mapping(connection, source, source_id) or "null")
