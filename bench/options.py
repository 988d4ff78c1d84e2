"""What the caller may choose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """`rounds` of everything; `large` adds what takes long: 10,000,000 rows."""

    rounds: int = 3
    large: bool = False
