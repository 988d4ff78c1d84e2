"""Arithmetic of measurements, and figures as people read them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours by theirs, round by round: what else the machine did in that round disturbed both.

    A contender too slow for every round was measured in the first ones alone; only those rounds count.
    """
    return [mine / other for mine, other in zip(ours, theirs, strict=False)]


def middle(values: Sequence[float]) -> float:
    """The median, or NaN of nothing."""
    return median(values) if values else math.nan


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0 to 1) of the values don't exceed; NaN of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def seconds(value: float) -> str:
    """`12.3 s`, `8.1 ms`."""
    if math.isnan(value):
        return "-"
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.1f} s"


def number(value: float) -> str:
    """Three digits that count, thousands set apart: `0.0123`, `1.5`, `12,300`."""
    if math.isnan(value):
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def mebibytes(value: float) -> str:
    return "-" if math.isnan(value) else f"{value / 2**20:,.0f} MiB"


def times(value: float) -> str:
    """A ratio: `0.87x`, `12.3x`."""
    return "-" if math.isnan(value) else f"{value:.2f}x" if abs(value) < 10 else f"{value:.1f}x"
