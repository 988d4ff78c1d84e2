"""GET /: the market."""

from __future__ import annotations

from flask import render_template

from web.pages.blueprint import pages


@pages.get("/")
def market() -> str:
    return render_template("market.html")
