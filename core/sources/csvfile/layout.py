"""All that is decided once for a file, from its beginning: enough to read any later piece of it on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.models import JsonObject
from core.sources.csvfile.marks import Mark


@dataclass(frozen=True, slots=True)
class Layout:
    """`columns` says which column (from 0) holds which field, `marks` how the figures of a field are written."""

    encoding: str
    delimiter: str
    ends_in_cr: bool  # lines end in a lone carriage return
    width: int  # how many fields the header has
    columns: Mapping[str, int]
    marks: Mapping[str, Mark]
    date_order: str
    pairs: bool  # the symbols are pairs such as BTC-USD
    notes: JsonObject  # what was chosen, for people

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"marks": {field: mark.name for field, mark in self.marks.items()}}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Layout:
        return cls(**{**stored, "marks": {field: Mark[name] for field, name in stored["marks"].items()}})

    def lines(self, text: bytes) -> bytes:
        """A piece of the file (in UTF-8) with a line feed for its line end."""
        return text.replace(b"\r", b"\n") if self.ends_in_cr else text
