"""GET /openapi.json, /docs, /redoc: the document and two readers of it, all served from here and nowhere else."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, render_template, send_from_directory
from werkzeug.exceptions import NotFound

from web.api import Api

# Scripts from here alone. Both readers set styles in line, and ReDoc searches in a worker made of a blob.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_OURS = Path(__file__).parent / "static"
# The packages are only looked up, not imported: their code would bring another web framework's machinery along.
_ASSETS = {
    "docs.css": ("", _OURS),
    "swagger-start.js": ("", _OURS),
    "swagger-ui.css": ("flask_swagger_ui", Path("dist")),
    "swagger-ui-bundle.js": ("flask_swagger_ui", Path("dist")),
    "favicon-32x32.png": ("flask_swagger_ui", Path("dist")),
    "redoc.standalone.js": ("flask_openapi3_redoc", Path("templates/redoc/js")),
}


def install(api: Api) -> Blueprint:
    """The pages, and the document as it stands once every operation is registered."""
    document = json.dumps(api.spec.to_dict())
    made = Blueprint("docs", __name__, template_folder="templates")

    @made.get("/openapi.json")
    def openapi() -> Response:
        return Response(document, content_type="application/json")

    @made.get("/docs")
    def swagger() -> Response:
        return _page("swagger.html")

    @made.get("/redoc")
    def redoc() -> Response:
        return _page("redoc.html")

    @made.get("/docs/assets/<name>")
    def asset(name: str) -> Response:
        if name not in _ASSETS:
            raise NotFound
        package, folder = _ASSETS[name]
        sent = send_from_directory(_folder(package) / folder, name, max_age=3600)
        sent.headers["Cache-Control"] = "public, max-age=3600"
        return sent

    return made


def _page(template: str) -> Response:
    return Response(
        render_template(template),
        content_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": _POLICY},
    )


def _folder(package: str) -> Path:
    if not package:
        return Path()
    found = find_spec(package)
    if found is None or found.origin is None:
        raise NotFound
    return Path(found.origin).parent
