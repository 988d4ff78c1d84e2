"""The Procfile: a name and a shell line each. A line that can't be read is an error, for it would silently not run."""

from __future__ import annotations

import re
from pathlib import Path

from local.errors import CannotStart

_LINE = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")


def read(file: Path) -> dict[str, str]:
    """Name to command, in the file's order; blank lines and `#` comments may stand between. Raises CannotStart."""
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"{file} can't be read: {error}.") from None
    commands: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.rstrip())
        if not match:
            raise CannotStart(f"{file.name}, line {number}, is not `name: command`.")
        if match[1] in commands:
            raise CannotStart(f"{file.name}, line {number}: `{match[1]}` is there twice.")
        commands[match[1]] = match[2]
    return commands
