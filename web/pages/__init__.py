"""The pages that people see: server-rendered, live by plain ES modules, with no request to another host.

They are no part of the API and not in its document. A page is a module here, a template, and where it lives, a script.
"""

from __future__ import annotations

from flask import Flask

from web.pages import assets, coin, context, errors, job, jobs, market, system
from web.pages.blueprint import pages

# A page's module adds its views to the blueprint when it is imported; one line each.
PAGES = (market, coin, jobs, job, system)


def install(app: Flask) -> None:
    """Register the pages, their static files, and errors as pages for browsers."""
    assets.install(app)
    context.install(app)
    errors.install(app)
    app.register_blueprint(pages)
