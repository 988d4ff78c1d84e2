"""What every template may use: addresses that keep the page's state, figures made readable."""

from __future__ import annotations

from zlib import crc32

from flask import Flask

from web.pages import figures, moments
from web.pages.address import address, curl
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
        shade=_shade,
        ago=moments.ago,
        moment=moments.written,
        span=moments.span,
    )


def _shade(text: str) -> int:
    """Which of the eight colours of marks: by its bytes, so that it stays the same everywhere."""
    return crc32(text.encode()) % 8
