"""The SQL files of this folder, each statement by its name.

A file holds statements of this form, with named parameters (`%(task)s`):

    -- name: claim_tasks
    -- One sentence that says what it does.
    UPDATE …;
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import LiteralString

_HEAD = re.compile(r"^-- name: (\w+)\n-- (.+)\n", re.MULTILINE)


@cache
def statements() -> dict[str, LiteralString]:
    """Every statement by name. Raises ValueError when two share a name."""
    found: dict[str, LiteralString] = {}
    for file in sorted(Path(__file__).parent.glob("*.sql")):
        text = file.read_text()
        heads = list(_HEAD.finditer(text))
        for head, end in zip(heads, [*(h.start() for h in heads[1:]), len(text)], strict=True):
            if head[1] in found:
                raise ValueError(f"{file.name}: {head[1]} is named twice")
            # Our own files are as good as literals, which is what psycopg asks for.
            found[head[1]] = text[head.end() : end].strip().rstrip(";")
    return found


def sql(name: str) -> LiteralString:
    """The statement of that name; KeyError if there is none."""
    return statements()[name]
