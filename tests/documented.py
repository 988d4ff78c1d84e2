"""What the documents show to be typed: commands out of their fenced blocks, and what they say comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
# Written behind a command that needs what a test can't have.
NOT_RUN = "# not run"

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BEGINNING = re.compile(r"(curl|printf|cat|\./quotes|[A-Z]+=\$\()")
_HERE = re.compile(r"<<'?(\w+)'?")
_REMARK = re.compile(r"\s{2,}#\s+(.*)$")
_NAME = re.compile(r'"(\w+)":')


@dataclass(frozen=True)
class Command:
    """A line for a shell (with the lines of its here-document), the remark behind it, and where it stands."""

    text: str
    remark: str
    document: str
    line: int
    names: frozenset[str]

    @property
    def status(self) -> int | None:
        """The refusal that it is meant to meet."""
        found = re.match(r"[345][0-9]{2}\b", self.remark)
        return int(found.group()) if found else None

    @property
    def may_end_with(self) -> frozenset[int]:
        """Exit codes that are no failure."""
        found = re.match(r"ends with ([0-9]+)", self.remark)
        return frozenset({0, int(found.group(1))} if found else {0})

    @property
    def is_run(self) -> bool:
        return NOT_RUN not in f"# {self.remark}"

    @property
    def only_reads(self) -> bool:
        """Whether it is a GET, which may be asked again."""
        return self.text.startswith("curl ") and not re.search(r" -[XdF] ", self.text)

    def __str__(self) -> str:
        return f"{self.document}:{self.line}: {self.text}"


def commands(document: Path) -> list[Command]:
    """In their order. `names` are the fields that a following JSON block shows in its answer."""
    text = document.read_text()
    blocks = list(_BLOCK.finditer(text))
    found: list[Command] = []
    for place, block in enumerate(blocks):
        after = blocks[place + 1] if place + 1 < len(blocks) else None
        shown = after.group(2) if after and after.group(1) == "json" else ""
        line = text.count("\n", 0, block.start(2)) + 1
        typed = list(_typed(block.group(2)))
        for number, (offset, words, remark) in enumerate(typed, 1):
            names = frozenset(_NAME.findall(shown)) if number == len(typed) else frozenset[str]()
            found.append(Command(words, remark, document.name, line + offset, names))
    return found


def _typed(block: str) -> Iterator[tuple[int, str, str]]:
    lines = block.splitlines()
    place = 0
    while place < len(lines):
        start, line = place, lines[place]
        place += 1
        if not _BEGINNING.match(line):
            continue
        remark = _REMARK.search(line)
        typed = [line[: remark.start()] if remark else line]
        if here := _HERE.search(line):
            end = lines.index(here.group(1), place) + 1
            typed += lines[place:end]
            place = end
        yield start, "\n".join(typed), remark.group(1) if remark else ""
