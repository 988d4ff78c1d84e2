"""Errors for people: what answers a browser with a problem answers with a page; programs get the problem."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from flask import Flask, Response, render_template, request

from web.pages.blueprint import HTML, POLICY
from web.problems import CONTENT_TYPE

logger = logging.getLogger(__name__)

_HEADINGS: Mapping[int, str] = {
    401: "Please sign in",
    403: "Not with this key",
    404: "Nothing here",
    405: "Not like that",
    500: "That failed",
    503: "Away for a moment",
}


def install(app: Flask) -> None:
    app.after_request(_as_page)


def wants_page() -> bool:
    """Whether a person's browser asks: it takes HTML, and names it before JSON."""
    if request.path.startswith("/api/"):
        return False
    accepted = request.accept_mimetypes
    return accepted["text/html"] > 0 and "text/html" in accepted.values() and not request.is_json


def _as_page(response: Response) -> Response:
    if response.content_type != CONTENT_TYPE or not wants_page():
        return response
    problem = json.loads(response.get_data(as_text=True))
    status = response.status_code
    try:
        page = render_template("error.html", problem=problem, heading=_HEADINGS.get(status, problem["title"]))
    except Exception:
        # The page fails like what it was to tell of: the problem says it as well.
        logger.exception("the error page failed")
        return response
    response.set_data(page)
    response.headers["Content-Type"] = HTML
    response.headers["Content-Security-Policy"] = POLICY
    response.vary.add("Accept")
    return response
