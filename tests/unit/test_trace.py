"""Traces are taken over when they are spelled right, and begun when not; log lines say which."""

from __future__ import annotations

import pytest

from core import logs, trace

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_trace_is_gone_on_with_in_a_step_of_its_own(flags: str) -> None:
    step = trace.following(f"00-{TRACE}-{SPAN}-{flags}")
    assert (step.trace_id, step.parent, step.flags) == (TRACE, SPAN, flags)
    assert step.span_id != SPAN
    assert trace.following(str(step)).parent == step.span_id


def test_a_later_version_may_say_more() -> None:
    assert trace.following(f"01-{TRACE}-{SPAN}-01-more").trace_id == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}",
        f"01-{TRACE}-{SPAN}-01-{'x' * 1000}",
    ],
)
def test_what_is_no_trace_begins_one(header: str | None) -> None:
    step = trace.following(header)
    assert step.trace_id != TRACE
    assert step.parent is None
    assert trace.following(str(step)).trace_id == step.trace_id


def test_what_runs_leads_on_and_what_ended_does_not() -> None:
    with trace.running(trace.begun()) as step:
        assert trace.header() == str(step)
        with trace.running(trace.following(trace.header())) as inner:
            assert (inner.trace_id, inner.parent) == (step.trace_id, step.span_id)
        assert trace.header() == str(step)
    assert step.trace_id not in trace.header()


def test_log_lines_carry_the_ids_until_the_step_ends() -> None:
    with trace.running(trace.begun()) as step:
        assert logs.binding() == {"trace_id": step.trace_id, "span_id": step.span_id}
    assert logs.binding() == {}
