"""Who reads files: when it is another, the same bytes may become other quotes."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

_CORE = Path(__file__).parents[2]


@cache
def reader() -> str:
    """A digest of the code that makes quotes of bytes, and of what it stands on.

    Of all of `core`, which is more than reads files: taking too much in costs a file's being merged once more after an
    upgrade, while a number to be raised by hand would be forgotten. Worked out once, when a worker starts.
    """
    versions = [platform.python_version(), *map(version, ("numpy", "pandas", "pyarrow"))]
    text = hashlib.sha256(" ".join(versions).encode())
    for file in sorted(_CORE.rglob("*.py")):
        text.update(file.relative_to(_CORE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return text.hexdigest()
