"""Addresses: of this page in another state, and of the API as a command for a shell."""

from __future__ import annotations

import shlex
from urllib.parse import urlencode

from flask import request


def address(**changes: object) -> str:
    """The page's own address with some of its query changed; None or an empty text takes a name away.

    Whatever changes, the list begins at its first page again, unless `page` itself is given.
    """
    state = {name: value for name, value in request.args.items() if name != "page"}
    for name, value in changes.items():
        state[name] = "" if value is None else str(value)
    if state.get("page") == "1":
        state["page"] = ""
    query = urlencode({name: value for name, value in state.items() if value})
    return f"{request.path}?{query}" if query else request.path


def curl(path: str, *, method: str = "GET", key: bool = False, **query: object) -> str:
    """A command that asks the API on this server for the same; `key`: it needs an API key, named, never shown."""
    wanted = urlencode({name: value for name, value in query.items() if value not in (None, "")})
    target = request.host_url.rstrip("/") + path + (f"?{wanted}" if wanted else "")
    parts = ["curl"]
    if method != "GET":
        parts += ["-X", method]
    if key:
        parts += ["-H", '"Authorization: Bearer $API_KEY"']
    return " ".join([*parts, shlex.quote(target)])
