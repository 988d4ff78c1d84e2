"""`make configuration`: docs/CONFIGURATION.md and .env.example, out of the settings themselves.

A test holds the files against what this module gives.
"""

from __future__ import annotations

import textwrap
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from core.settings import Settings

PROJECT = Path(__file__).parent.parent

_INTRODUCTION = """\
# Configuration

Everything is set by environment variables, or by `NAME=value` lines in a file `.env` beside the Procfile (what the
environment sets wins). An empty variable counts as unset. A wrong value stops the start with a sentence that names the
variable, never its value where that is a secret.

Lengths of time are seconds or carry a unit: `90`, `5m`, `2h`, `7d`. This page and [.env.example](../.env.example) are
written by `make configuration`.

| variable | default | what it is |
| --- | --- | --- |
"""

_EXAMPLE = """\
# Copy to .env and set what you need; what is commented out has the value that stands there.
# Written by `make configuration` from core/settings.py.
"""

# No setting of the program, which is told the whole URL.
_FOR_COMPOSE = """\
# Needed by docker-compose.yml, and by nothing else: the password of its Postgres, as from `openssl rand -hex 24`.
# In hex, since it becomes part of a URL, which a / or an @ would break.
# POSTGRES_PASSWORD=
"""


def page() -> str:
    """docs/CONFIGURATION.md."""
    return _INTRODUCTION + "".join(
        f"| `{_name(setting)}` | {_shown(setting)} | {_sentence(setting)} |\n" for setting in fields(Settings)
    )


def example() -> str:
    """.env.example."""
    parts = [_EXAMPLE]
    for setting in fields(Settings):
        sentence = textwrap.fill(_sentence(setting), 110, initial_indent="# ", subsequent_indent="# ")
        parts.append(f"{sentence}\n# {_name(setting)}={setting.metadata['default'] or ''}\n")
    return "\n".join([*parts, _FOR_COMPOSE])


def _name(setting: Field[Any]) -> str:
    return setting.name.upper()


def _shown(setting: Field[Any]) -> str:
    default = setting.metadata["default"]
    return f"`{default}`" if default else "unset"


def _sentence(setting: Field[Any]) -> str:
    text = str(setting.metadata["help"]).replace("|", "\\|")
    return (text[0].upper() + text[1:] if text.split()[0].strip(";:").isalpha() else text) + "."


def main() -> None:
    (PROJECT / "docs" / "CONFIGURATION.md").write_text(page())
    (PROJECT / ".env.example").write_text(example())


if __name__ == "__main__":
    main()
