"""What every template may use: who is signed in, addresses that keep the page's state, figures made readable."""

from __future__ import annotations

from flask import Flask, request

from web.pages import figures, moments
from web.pages.address import address, curl
from web.problems import Problem
from web.services import services
from web.version import VERSION

_NAVIGATION = (("/", "Market"), ("/jobs", "Jobs"), ("/system", "System"), ("/docs", "API docs"))


def install(app: Flask) -> None:
    app.jinja_env.globals.update(address=address, curl_of=curl, navigation=_NAVIGATION, version=VERSION)
    app.jinja_env.filters.update(
        price=figures.price,
        amount=figures.amount,
        number=figures.number,
        percent=figures.percent,
        trend=figures.trend,
        exact=figures.exact,
        ago=moments.ago,
        moment=moments.written,
        span=moments.span,
    )
    app.context_processor(_nobody_signed_in)


def _nobody_signed_in() -> dict[str, object]:
    """Without sign-in a page may do what its reader may do anyway."""

    def may(role: str) -> bool:
        from web.auth import identify

        try:
            return bool(identify(services().settings, request).may(role))
        except Problem:
            return False

    return {"signed_in": None, "csrf_token": lambda: "", "may": may}
