"""The blueprint that every page's views belong to, and the headers that every page carries."""

from __future__ import annotations

from flask import Blueprint, Response

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HTML = "text/html; charset=utf-8"

pages = Blueprint("pages", __name__)


@pages.after_request
def as_page(response: Response) -> Response:
    """Nothing in line and from nowhere else; kept by a browser, but asked for each time."""
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("Cache-Control", "no-cache")
    # With no-referrer a browser sends our own forms without their origin, which tells them from another site's.
    response.headers.setdefault("Referrer-Policy", "same-origin")
    # What stands on a page depends on who is signed in.
    response.vary.add("Cookie")
    return response
