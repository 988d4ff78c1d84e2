"""Which trace the running work belongs to, as W3C Trace Context has it: `traceparent: 00-<trace>-<span>-<flags>`.

A request brings one or begins one; the job that it makes keeps it, and so do the job's tasks, on whatever machine. It
is in the log lines, and goes to nobody else: the sources are third parties.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from core import logs

# Later versions may have more parts; `ff` is no version.
_HEADER = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_LONGEST = 256
_SAMPLED = "01"


@dataclass(frozen=True, slots=True)
class Trace:
    """A step of a trace: `trace_id` is the whole's, `span_id` the step's, `parent` that of the step that led here."""

    trace_id: str
    span_id: str
    flags: str = _SAMPLED
    parent: str | None = None

    def __str__(self) -> str:
        """As a header, for who goes on from here."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


_running: ContextVar[Trace | None] = ContextVar("trace", default=None)


def begun() -> Trace:
    """The first step of a new trace."""
    ids = secrets.token_hex(24)
    return Trace(ids[:32], ids[32:])


def following(header: str | None) -> Trace:
    """The step after the one that the header names; of a new trace when it names none as it should."""
    found = _HEADER.fullmatch(header) if header and len(header) <= _LONGEST else None
    if found is None or (found[1] == "00" and found[5]):
        return begun()
    # Of the flags only the one that we know.
    sampled = f"{int(found[4], 16) & 1:02x}"
    return Trace(found[2], secrets.token_hex(8), sampled, parent=found[3])


class Running:
    """Lets a block be a step, as `running` says."""

    __slots__ = ("_bound", "_token", "_trace")

    def __init__(self, trace: Trace, about: Mapping[str, object]) -> None:
        self._trace = trace
        self._bound = logs.bound(**about, trace_id=trace.trace_id, span_id=trace.span_id)

    def __enter__(self) -> Trace:
        self._token = _running.set(self._trace)
        self._bound.__enter__()
        return self._trace

    def __exit__(self, *_: object) -> None:
        self._bound.__exit__()
        _running.reset(self._token)


def running(trace: Trace, **about: object) -> Running:
    """Let a block be this step; its log lines say so, and what else it is about."""
    return Running(trace, about)


def header() -> str:
    """What leads on from the running step; of a new trace when none runs, such as for a schedule."""
    return str(_running.get() or begun())
