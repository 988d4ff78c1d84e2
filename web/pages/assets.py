"""Styles and scripts under an address that names their content: kept for a year, and new at once when they change.

One digest stands for all of them, so that a module finds its neighbours by a relative import, in the same version.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Flask, Response, send_from_directory, url_for
from werkzeug.exceptions import NotFound

_OURS = Path(__file__).parents[1] / "static"
# Scripts that packages bring: found without importing the package.
_PACKAGED = {
    "vendor/lightweight-charts.js": ("lwcharts", "vendor/lightweight-charts.standalone.production.js"),
}
_FOR_EVER = "public, max-age=31536000, immutable"


def install(app: Flask) -> None:
    """Serve the files, and give templates `asset(name)`: the address of one."""
    current = _digest()
    files = Blueprint("assets", __name__)

    @files.get("/static/<digest>/<path:name>")
    def file(digest: str, name: str) -> Response:
        folder, path = _place(name)
        sent = send_from_directory(folder, path)
        # While two releases serve side by side, either may be asked for the other's files.
        sent.headers["Cache-Control"] = _FOR_EVER if digest == current else "no-cache"
        return sent

    def asset(name: str) -> str:
        return url_for("assets.file", digest=current, name=name)

    app.register_blueprint(files)
    app.jinja_env.globals["asset"] = asset


def _place(name: str) -> tuple[Path, str]:
    if name not in _PACKAGED:
        return _OURS, name
    package, path = _PACKAGED[name]
    found = find_spec(package)
    if found is None or found.origin is None:
        raise NotFound
    return Path(found.origin).parent, path


def _digest() -> str:
    files = [(path.relative_to(_OURS).as_posix(), path) for path in _OURS.rglob("*") if path.is_file()]
    for name in _PACKAGED:
        folder, path = _place(name)
        files.append((name, folder / path))
    whole = hashlib.sha256()
    for name, file in sorted(files):
        whole.update(f"{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()[:16]
