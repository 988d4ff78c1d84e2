"""GET /api/v1/jobs/{id}/rejects: every row that was not stored, as JSON page by page, or all of them as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

import marshmallow as ma
from flask import Response, request
from marshmallow import validate

from core.spreadsheet import plain
from db import rejects
from db.jobviews import RejectedRow
from web.answers import json_text
from web.api import Answer, Blueprint
from web.jobschemas import RejectionSchema
from web.parameters import PageQuery
from web.schemas import PageSchema, listed
from web.services import services

CSV = "text/csv; charset=utf-8"
HEADER = ("source", "row", "reason", "raw")

blueprint = Blueprint("rejects", __name__, url_prefix="/api/v1/jobs", description="Rows that were not stored")


class RejectsQuery(PageQuery):
    """Which rows, and how."""

    format = ma.fields.String(
        validate=validate.OneOf(("json", "csv")),
        metadata={"description": "csv gives all rows at once; without it, what the Accept header prefers"},
    )


class RejectsPageSchema(PageSchema):
    """A page of rows that were not stored."""

    data = listed(RejectionSchema)


_ROW = {"source": "csv", "row": 17, "reason": "price is not a number: 'abc'", "raw": "BTC,Bitcoin,abc"}
_PAGE = {"data": [_ROW], "page": 1, "page_size": 20, "total": 1, "total_pages": 1}


@blueprint.operation(
    "GET",
    "/<job_id:job_id>/rejects",
    role="read",
    query=RejectsQuery,
    answers={
        200: [
            Answer(RejectsPageSchema, _PAGE, "The rows"),
            Answer(
                {"type": "string"},
                "source,row,reason,raw\r\n",
                "The rows",
                {"Content-Disposition": "a name for the file; with text/csv"},
                content_type=CSV,
            ),
        ]
    },
    errors=(404,),
)
def get_rejects(query: dict[str, Any], job_id: int) -> Response:
    """Every row of a job that was not stored, with its line or place and the reason, in the order they came.

    As CSV all rows come at once; a cell that a spreadsheet would take for a formula has a ' in front.
    """
    wanted = query.get("format")
    as_csv = wanted == "csv" or (wanted is None and _prefers_csv())
    database = services().database
    with database.connection() as connection:
        if not as_csv:
            return json_text(
                rejects.page_of_rejects(connection, job_id, page=query["page"], page_size=query["page_size"])
            )
        rejects.must_exist(connection, job_id)
    return Response(
        lines(rejects.all_rejects(database, job_id)),
        content_type=CSV,
        headers={"Content-Disposition": f'attachment; filename="job-{job_id}-rejects.csv"'},
    )


def lines(rows: Iterable[RejectedRow]) -> Iterator[str]:
    """The rows as CSV (RFC 4180), line by line."""
    yield _line(HEADER)
    for row in rows:
        yield _line((plain(row.source), str(row.row), plain(row.reason), plain(row.raw)))


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _prefers_csv() -> bool:
    return request.accept_mimetypes.best_match(("application/json", "text/csv")) == "text/csv"
