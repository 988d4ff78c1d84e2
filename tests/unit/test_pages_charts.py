"""Charts of the last hour: where their lines run, what their bars add up to, and where nobody was there to count."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from db.samples import Sample
from web.pages import charts

END = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sample(ago: float, queue: str = "fetch", **figures: int) -> Sample:
    given = {"ready": 0, "in_flight": 0, "later": 0, "oldest": None, "succeeded": 0, "failed": 0, "workers": 1}
    return Sample(END - timedelta(seconds=ago), queue, **{**given, **figures})  # type: ignore[arg-type]


def test_a_line_runs_from_left_to_right_below_a_round_top() -> None:
    chart = charts.depths([sample(1820, ready=4), sample(1810, ready=40), sample(1800, ready=0)], ["fetch"], END)
    assert chart.top == 50
    assert chart.lines == ["M296.7,92.0 L298.3,20.0 L300.0,100.0"]
    assert chart.areas == ["M296.7,92.0 L298.3,20.0 L300.0,100.0 L300.0,100 L296.7,100 Z"]
    assert (chart.latest, chart.most) == ((0.0,), 40.0)


def test_a_line_breaks_where_no_samples_were_taken() -> None:
    chart = charts.depths([sample(100), sample(90), sample(20), sample(10)], ["fetch"], END)
    assert chart.lines[0].count("M") == 2


def test_each_queue_has_its_line_and_a_moment_alone_is_a_dot() -> None:
    chart = charts.waits([sample(10, "fetch"), sample(10, "normalize", oldest=3)], ["fetch", "normalize"], END)
    assert chart.names == ("fetch", "normalize")
    assert chart.lines == ["M598.3,100.0 L598.3,100.0", "M598.3,40.0 L598.3,40.0"]
    assert json.loads(chart.points) == [[10, 0, 3]]


def test_bars_add_up_what_ended_by_minute_in_all_queues() -> None:
    chart = charts.throughput(
        [
            sample(59, succeeded=6),
            sample(1, "normalize", succeeded=2, failed=2),
            sample(3599, failed=1),
            sample(3700, succeeded=90),
        ],
        END,
    )
    assert (chart.top, chart.most, len(chart.bars)) == (10, 10.0, 2)
    first, last = chart.bars
    assert (first.x, first.parts) == (1, ((100, 0), (90, 10)))
    assert (last.x, last.parts) == (591, ((20, 80), (0, 20)))


def test_without_samples_there_is_an_empty_chart() -> None:
    for chart in (charts.depths([], ["fetch"], END), charts.waits([], ["fetch"], END), charts.throughput([], END)):
        assert (chart.top, chart.most, len(chart.bars)) == (5, 0, 0)
        assert not any(chart.lines)


@pytest.mark.parametrize(("most", "top"), [(0, 5), (5, 5), (6, 10), (11, 20), (21, 50), (51, 100), (1001, 2000)])
def test_the_top_is_the_next_round_number(most: float, top: float) -> None:
    assert charts.nice(most) == top
