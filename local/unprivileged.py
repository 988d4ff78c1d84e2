"""Root's way to run Postgres, which refuses to be run by root: as another user, from places that it can reach."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.errors import CannotStart

# Where root keeps what may not lie under a private home; the first that exists and can be written is taken.
_SHARED_PLACES = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108
_NAME = "crypto-quotes"


@dataclass(frozen=True, slots=True)
class Account:
    """A user without rights. `popen` is what subprocess needs to become it."""

    uid: int
    gid: int

    @property
    def popen(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def account() -> Account | None:
    """Whom to become; None when we aren't root and may stay who we are."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid > 0:  # macOS calls nobody -2
            return Account(entry.pw_uid, entry.pw_gid)
    raise CannotStart("Postgres can't be run by root, and there is no user `nobody`: run this as an ordinary user.")


def can_reach(user: Account, path: Path) -> bool:
    """Whether the user may enter the folder, or run the file."""
    probe = subprocess.run(  # noqa: S603
        ["/bin/sh", "-c", 'test -r "$1" && test -x "$1"', "sh", str(path)], cwd="/", check=False, **user.popen
    )
    return probe.returncode == 0


def shared_folder(user: Account, purpose: str, of: Path) -> Path:
    """A folder that the user can reach, always the same one for the same purpose and path."""
    name = hashlib.sha256(os.fsencode(of)).hexdigest()[:16]
    for place in _SHARED_PLACES:
        base = place / _NAME
        try:
            base.mkdir(mode=0o755, exist_ok=True)
            status = base.lstat()
            # In a place that everyone may write to, somebody else could have prepared the folder.
            if stat.S_ISDIR(status.st_mode) and status.st_uid == 0 and not status.st_mode & 0o022:
                folder = base / f"{purpose}-{name}"
                folder.mkdir(mode=0o755, exist_ok=True)
                if can_reach(user, folder):
                    return folder
        except OSError:
            continue
    raise CannotStart(
        f"Postgres runs as `nobody` here and can't reach {of}: move the project out of the private folder, "
        "run this as an ordinary user, or set DATABASE_URL."
    )


def readable_copy(user: Account, trees: list[Path], version: str) -> Path:
    """A folder with copies of these folders in it, under their names, that the user can read. Made once a version."""
    home = shared_folder(user, f"copy-{version}", trees[0])
    done = home / "copies"
    if not done.exists():
        with tempfile.TemporaryDirectory(dir=home) as scratch:
            fresh = Path(scratch) / done.name
            fresh.mkdir()
            for tree in trees:
                shutil.copytree(tree, fresh / tree.name, symlinks=True)
            for path in [fresh, *fresh.rglob("*")]:
                if not path.is_symlink():
                    runs = path.is_dir() or path.stat().st_mode & 0o100
                    path.chmod(0o755 if runs else 0o644)
            fresh.rename(done)
    return done
