"""A Dockerfile as its instructions, and a folder as what .dockerignore lets of it into a build."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

_FLAG = re.compile(r"--([a-z-]+)=(\S+)\s+")


@dataclass(frozen=True, slots=True)
class Instruction:
    """`word` in capitals, `--flags` by name, and the rest of the line, continued lines joined."""

    word: str
    flags: dict[str, str]
    rest: str

    @property
    def arguments(self) -> list[str]:
        """The exec form as it is, the shell form for a shell."""
        return list(map(str, json.loads(self.rest))) if self.rest.startswith("[") else ["/bin/sh", "-c", self.rest]

    @property
    def words(self) -> list[str]:
        return shlex.split(self.rest)


def instructions(text: str) -> list[Instruction]:
    """The instructions in their order. Raises ValueError for a line that is none."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        if not word.isupper() or not rest:
            raise ValueError(f"not an instruction: {line}")
        flags = {}
        while flag := _FLAG.match(rest):
            flags[flag[1]] = flag[2]
            rest = rest[flag.end() :]
        found.append(Instruction(word, flags, rest.strip()))
    return found


def let_in(folder: Path, name: str) -> bool:
    """Whether the build may COPY this name at the folder's top. Knows a `*` that shuts all out, `!name`, `**/name`."""
    patterns = [line for line in (folder / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    if patterns[:1] != ["*"]:
        raise ValueError(".dockerignore doesn't begin by shutting everything out")
    return f"!{name}" in patterns


def ignored_anywhere(folder: Path) -> list[str]:
    """Names that are left out wherever they stand."""
    lines = (folder / ".dockerignore").read_text().splitlines()
    return [line.removeprefix("**/") for line in lines if line.startswith("**/")]
