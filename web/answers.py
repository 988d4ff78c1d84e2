"""Ready responses."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask import Response, request

from web.problems import Problem

POLL_SECONDS = 1


def json_text(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON that is text already."""
    return Response(text, status, headers, content_type="application/json")


def json_object(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return json_text(json.dumps(value, ensure_ascii=False), status, headers)


def has_body() -> bool:
    """Whether the running request brings a body of at least one byte, as far as its head tells."""
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def refuse_body() -> None:
    """Raise a 415 Problem when the running request brings a body.

    An empty JSON object counts as none: some clients can't leave it out.
    """
    if not has_body():
        return
    if request.is_json and (request.content_length or 0) <= 4 and request.get_data().strip() in (b"{}", b"null", b""):
        return
    raise Problem(415, "This takes no body of that kind; what it needs goes into the query.")
