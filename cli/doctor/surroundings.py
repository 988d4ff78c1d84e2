"""Are the settings right, the file and the disk there, the sources' hosts within reach?"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from cli.doctor.finding import FINE, HINT, WRONG, Finding, judged
from cli.program import Program
from core.errors import BadSettings, GiveUp
from core.settings import Settings
from core.sources import configured
from core.sources.csv import inspect

_REACH_SECONDS = 3.0
_LEAST_FREE = 2**30


def check_settings(program: Program) -> Iterator[Finding]:
    """One finding; when it is WRONG, nothing else can be looked at."""
    try:
        settings = program.settings
    except BadSettings as error:
        yield Finding("settings", WRONG, str(error), "Correct it in the environment or in .env.")
        return
    keys = ", ".join(f"{key.name} ({key.role})" for key in settings.api_keys)
    yield Finding("settings", FINE, f"all can be read; keys in API_KEYS: {keys or 'none'}")


def check(program: Program) -> Iterator[Finding]:
    settings = program.settings
    yield from csv_file(settings.csv_path)
    for name, url, key in _hosts(settings):
        yield host(name, url, with_key=bool(key))
    if program.folder.exists():
        yield disk(shutil.disk_usage(program.folder).free)


def csv_file(path: str) -> Iterator[Finding]:
    """Whether the worker's CSV file, seen from here, is one of quotes."""
    try:
        with closing(Path(path).open("rb")) as file:
            inspect(file)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        yield Finding("csv file", HINT, f"{path} can't be read here: {why}", "Set CSV_PATH, or ingest uploads alone.")
    except GiveUp as error:
        yield Finding("csv file", WRONG, f"{path}: {error}", "Name another file by CSV_PATH.")
    else:
        yield Finding("csv file", FINE, f"{path} can be read")


def host(name: str, url: str, *, with_key: bool) -> Finding:
    """Whether a connection can be opened. Nothing is sent, so that it costs nothing of a rate limit."""
    parts = urlsplit(url)
    where = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    said = f"{where} {'with a key' if with_key else 'without a key'}"
    if parts.scheme in getproxies() and not proxy_bypass(where):
        return Finding(f"{name} host", FINE, f"{said}: through a proxy, not tried")
    try:
        with socket.create_connection((where, port), _REACH_SECONDS):
            return Finding(f"{name} host", FINE, f"{said}: connects")
    except OSError:
        return Finding(
            f"{name} host",
            WRONG,
            f"{said}: no connection to port {port}",
            f"See that this machine may call it, and that {name.upper()}_API_URL is right.",
        )


def disk(free: int) -> Finding:
    """Whether the embedded services' disk has room, in bytes."""
    return judged(
        "disk",
        free >= _LEAST_FREE,
        f"{free / 2**30:.1f} GiB free",
        "Make room: the embedded services keep their data here.",
    )


def _hosts(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Each source in use that has a base URL and a key of its own, by the settings' names."""
    for field in Settings.__dataclass_fields__:
        name, ends, _ = field.partition("_api_url")
        if ends and name in configured(settings):
            yield name, getattr(settings, field), getattr(settings, f"{name}_api_key", "")
