"""GET and POST /signin, POST /signout: a person enters a key once, and the browser keeps a reference to it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from web import session
from web.access import refuse_other_sites
from web.auth import ANYONE, CHALLENGE, Principal, identity
from web.limits import Limit, by_address, connect
from web.pages.blueprint import as_page
from web.problems import Problem
from web.services import services

# Nobody mistypes a key this often, and a guesser gets nowhere.
_TRIES_PER_MINUTE = 10
_LONGEST_KEY = 1000
_TRIES = "quotes.tries"

blueprint = Blueprint("signin", __name__)
blueprint.after_request(as_page)


def install(app: Flask) -> None:
    """The pages, and what every template may ask: `signed_in`, `csrf_token()`, `may(role)`."""
    settings = services(app).settings
    assert settings.redis_url  # noqa: S101  checked
    app.extensions[_TRIES] = Limit(
        "sign-ins", _TRIES_PER_MINUTE, connect(settings.redis_url), processes=settings.web_concurrency
    )
    app.register_blueprint(blueprint)
    app.context_processor(_who)


@blueprint.get("/signin")
def show_signin() -> Response:
    return _page(200)


@blueprint.post("/signin")
def sign_in() -> BaseResponse:
    refuse_other_sites(request)
    tries: Limit = current_app.extensions[_TRIES]
    standing = tries.count(by_address(request.remote_addr or ""))
    if standing.refused:
        raise standing.problem()
    if "Transfer-Encoding" in request.headers or "Expect" in request.headers:
        # Nobody waits in a thread for what a stranger may never send.
        raise Problem(411, "Send the form at once, and its length with it.")
    sent = request.form.get("key", "").strip()
    key = services().auth.keys.find(sent.encode()) if 0 < len(sent) <= _LONGEST_KEY else None
    if key is None:
        return _page(401, error="This key is not known here, or was revoked.")
    answer = redirect(_local(request.form.get("next", "")), 303)
    session.begin(services().auth.keys, key, request, answer, services().settings.session_lifetime)
    return answer


@blueprint.get("/signout")
def show_signout() -> BaseResponse:
    # A link alone must not sign anyone out: the button to do so is there.
    return redirect("/signin", 303)


@blueprint.post("/signout")
def sign_out() -> BaseResponse:
    refuse_other_sites(request)
    answer = redirect("/signin", 303)
    session.end(request, answer)
    return answer


def _page(status: int, error: str = "") -> Response:
    """The form. It never shows what was entered."""
    answer = make_response(render_template("signin.html", error=error, next=_local(request.values.get("next", ""))))
    answer.status_code = status
    answer.headers["Cache-Control"] = "no-store"
    if status == 401:
        answer.headers.extend(CHALLENGE)
    return answer


def _local(address: str) -> str:
    """Where to go afterwards: an address of ours, else the first page. Never another host, however it is spelled."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    fits = address.startswith("/") and not address.startswith("//") and not (parts.scheme or parts.netloc)
    clean = address.isascii() and address.isprintable() and "\\" not in address and " " not in address
    return address if fits and clean and parts.path not in ("/signin", "/signout") else "/"


def _who() -> dict[str, Any]:
    """For templates. `signed_in` is the Principal whose key the browser has, or None; `may` also knows open servers."""
    try:
        found = identity()
    except (Problem, Exception):  # a page that tells of an error must not fail by another
        return {"signed_in": None, "csrf_token": lambda: "", "may": ANYONE.may}
    signed_in: Principal | None = found.principal if found.session else None
    token = found.session.csrf_token if found.session else ""
    return {"signed_in": signed_in, "csrf_token": lambda: token, "may": found.principal.may}
