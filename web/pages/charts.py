"""Small charts of the last hour, drawn on the server: samples in, the numbers of an SVG out. Pure.

A drawing is 600 wide and 100 high and is stretched to its place; its words stand around it in HTML.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from db.samples import APART_SECONDS, Sample

WIDTH, HEIGHT = 600, 100
HOUR_SECONDS = 3600
# A line breaks where there are no samples: nobody was there to take them.
_GAP_SECONDS = 3.5 * APART_SECONDS
_BIN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Value:
    """What a chart shows at a moment, so many seconds before its end."""

    ago: float
    figures: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """A minute's bar, of parts on top of each other: each part's y and height."""

    x: float
    width: float
    parts: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines (SVG paths, with the areas under them) or bars; `top` is the figure at the upper edge."""

    names: tuple[str, ...]
    values: Sequence[Value]
    top: float
    lines: Sequence[str] = ()
    areas: Sequence[str] = ()
    bars: Sequence[Bar] = ()

    @property
    def latest(self) -> tuple[float, ...]:
        return self.values[-1].figures if self.values else tuple(0.0 for _ in self.names)

    @property
    def most(self) -> float:
        """The largest figure, of bars the largest sum."""
        if self.bars:
            return max((sum(value.figures) for value in self.values), default=0.0)
        return max((figure for value in self.values for figure in value.figures), default=0.0)

    @property
    def points(self) -> str:
        """For who moves along the chart: [seconds ago, figure, figure …] as JSON."""
        return json.dumps([[round(value.ago), *(_short(each) for each in value.figures)] for value in self.values])


def depths(samples: Sequence[Sample], queues: Sequence[str], end: datetime) -> Chart:
    """How many tasks were due in each queue."""
    return _lines(tuple(queues), _by_moment(samples, queues, end, lambda sample: float(sample.ready)))


def waits(samples: Sequence[Sample], queues: Sequence[str], end: datetime) -> Chart:
    """For how many seconds each queue's longest-waiting task had been due."""
    return _lines(tuple(queues), _by_moment(samples, queues, end, lambda sample: sample.oldest or 0.0))


def throughput(samples: Sequence[Sample], end: datetime) -> Chart:
    """Tasks that ended well and that failed, by minute."""
    bins = HOUR_SECONDS // _BIN_SECONDS
    ended = [[0, 0] for _ in range(bins)]
    for sample in samples:
        place = bins - 1 - math.floor((end - sample.taken_at).total_seconds() / _BIN_SECONDS)
        if 0 <= place < bins:
            ended[place][0] += sample.succeeded
            ended[place][1] += sample.failed
    values = [
        Value(HOUR_SECONDS - place * _BIN_SECONDS - _BIN_SECONDS / 2, (float(good), float(bad)))
        for place, (good, bad) in enumerate(ended)
    ]
    top = nice(max(sum(value.figures) for value in values))
    width = WIDTH / bins
    bars = [
        Bar(round(place * width + 1, 2), round(width - 2, 2), _stacked(value.figures, top))
        for place, value in enumerate(values)
        if any(value.figures)
    ]
    return Chart(("succeeded", "failed"), values, top, bars=bars)


def nice(most: float) -> float:
    """The next of 5, 10, 20, 50, 100 … that is no less."""
    if most <= 5:
        return 5.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= most)


def _by_moment(
    samples: Sequence[Sample], queues: Sequence[str], end: datetime, figure: Callable[[Sample], float]
) -> list[Value]:
    moments: dict[datetime, dict[str, float]] = {}
    for sample in samples:
        moments.setdefault(sample.taken_at, {})[sample.queue] = figure(sample)
    return [
        Value((end - at).total_seconds(), tuple(found.get(queue, 0.0) for queue in queues))
        for at, found in sorted(moments.items())
    ]


def _lines(names: tuple[str, ...], values: Sequence[Value]) -> Chart:
    top = nice(max((figure for value in values for figure in value.figures), default=0.0))
    runs = _runs(values)
    lines = [" ".join(_line(run, place, top) for run in runs) for place in range(len(names))]
    areas = [" ".join(_area(run, place, top) for run in runs) for place in range(len(names))]
    return Chart(names, values, top, lines, areas)


def _runs(values: Sequence[Value]) -> list[list[Value]]:
    """The values in stretches without a gap."""
    runs: list[list[Value]] = []
    for value in values:
        if not runs or runs[-1][-1].ago - value.ago > _GAP_SECONDS:
            runs.append([])
        runs[-1].append(value)
    return runs


def _line(run: Sequence[Value], place: int, top: float) -> str:
    points = [f"{_x(value.ago):.1f},{_y(value.figures[place], top):.1f}" for value in run]
    # A moment alone is a dot.
    return "M" + " L".join(points if len(points) > 1 else points * 2)


def _area(run: Sequence[Value], place: int, top: float) -> str:
    return f"{_line(run, place, top)} L{_x(run[-1].ago):.1f},{HEIGHT} L{_x(run[0].ago):.1f},{HEIGHT} Z"


def _stacked(figures: Sequence[float], top: float) -> tuple[tuple[float, float], ...]:
    parts, base = [], 0.0
    for figure in figures:
        base += figure
        parts.append((round(_y(base, top), 2), round(figure / top * HEIGHT, 2)))
    return tuple(parts)


def _x(ago: float) -> float:
    return WIDTH * (1 - min(HOUR_SECONDS, max(0.0, ago)) / HOUR_SECONDS)


def _y(figure: float, top: float) -> float:
    return HEIGHT * (1 - figure / top)


def _short(figure: float) -> float | int:
    return int(figure) if figure == int(figure) else round(figure, 1)
