"""What a check found, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

FINE, HINT, WRONG = "ok", "hint", "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """`grade` is FINE, HINT (it works, and could be better) or WRONG; `remedy` says what to do about the latter two."""

    part: str
    grade: str
    said: str
    remedy: str = ""


def judged(part: str, fine: bool, said: str, remedy: str, otherwise: str = WRONG) -> Finding:
    """FINE, or `otherwise` with the remedy."""
    return Finding(part, FINE, said) if fine else Finding(part, otherwise, said, remedy)
