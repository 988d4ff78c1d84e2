"""What a suite found: rows with a target each, and tables with what stands behind them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.figures import middle, number, times
from bench.tables import table


@dataclass(frozen=True, slots=True)
class Target:
    """What a ratio, or a figure in `unit`, has to reach: at most or at least `limit`."""

    limit: float
    at_least: bool = False
    unit: str = "x"

    def holds(self, value: float) -> bool:
        """Not a number holds nothing."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}{self._unit}"

    def show(self, value: float) -> str:
        return times(value) if self.unit == "x" else f"{number(value)}{self._unit}"

    @property
    def _unit(self) -> str:
        return self.unit if self.unit == "x" else f" {self.unit}"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table of targets: one value a round, judged by their median."""

    work: str
    against: str
    values: Sequence[float]
    target: Target
    ours: str = ""
    theirs: str = ""

    @property
    def holds(self) -> bool:
        return self.target.holds(middle(self.values))

    def cells(self) -> list[str]:
        spread = f"{self.target.show(min(self.values))} to {self.target.show(max(self.values))}" if self.values else ""
        return [
            self.work,
            self.against,
            self.ours,
            self.theirs,
            self.target.show(middle(self.values)),
            spread,
            str(self.target),
            "yes" if self.holds else "no",
        ]


@dataclass(slots=True)
class Findings:
    """Of one suite. `notes` are sentences under the tables."""

    title: str
    rows: list[Row] = field(default_factory=list)
    tables: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_table(self, caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.tables.append((caption, table(heads, rows)))

    def text(self) -> str:
        parts = [f"### {self.title}"]
        for caption, drawn in self.tables:
            parts += [f"{caption}:", drawn]
        parts += self.notes
        return "\n\n".join(parts)


HEADS = ("work", "against", "ours", "theirs", "ratio", "over the rounds", "target", "holds")


def targets(rows: Sequence[Row]) -> str:
    return table(HEADS, [row.cells() for row in rows])
