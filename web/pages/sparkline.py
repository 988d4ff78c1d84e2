"""A week of prices as the points of a small line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from web.pages import figures

# The drawing's size in its own units, which the template gives as its viewBox; the line keeps off its edges.
WIDTH, HEIGHT = 123, 36
_EDGE = 2
_STEP_WIDTH = 3


@dataclass(frozen=True, slots=True)
class Sparkline:
    """`points` as an SVG polyline takes them; `change` from first to last in percent, None from a price of 0."""

    points: str
    change: Decimal | None

    @property
    def trend(self) -> str:
        return figures.trend(self.change)


def sparkline(week: Sequence[Sequence[Decimal]]) -> Sparkline | None:
    """The line through [[step from 0 to 41, price], …]; None for fewer than two points, which make no line."""
    if len(week) < 2:
        return None
    prices = [price for _, price in week]
    lowest, highest = min(prices), max(prices)
    room = highest - lowest
    tall = HEIGHT - 2 * _EDGE
    points = []
    for step, price in week:
        # A level week is a line through the middle.
        below = (highest - price) / room if room else Decimal("0.5")
        points.append(f"{int(step) * _STEP_WIDTH},{_EDGE + round(below * tall)}")
    first, last = prices[0], prices[-1]
    return Sparkline(" ".join(points), (last - first) / first * 100 if first else None)
