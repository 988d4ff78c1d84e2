"""Spans are sent where OpenTelemetry is installed and told where to, and nothing of it is asked for else."""

from __future__ import annotations

import sys
import time
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from core import trace
from core.spans import Spans

THERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Span:
    def __init__(self, name: str, parent: Any, ids: Any, begun: int) -> None:
        self.name, self.parent, self.begun = name, parent, begun
        self.trace_id, self.span_id = ids.generate_trace_id(), ids.generate_span_id()
        self.attributes: dict[str, Any] = {}
        self.status = "unset"
        self.ended = False

    def set_attributes(self, attributes: dict[str, Any]) -> None:
        self.attributes = attributes

    def set_status(self, status: str) -> None:
        self.status = status

    def end(self) -> None:
        self.ended = True


class Provider:
    """Stands in for the SDK's TracerProvider, and keeps the spans."""

    made: list[Span]

    def __init__(self, resource: Any, id_generator: Any) -> None:
        self.resource, self._ids = resource, id_generator
        Provider.made = []

    def add_span_processor(self, _processor: object) -> None:
        pass

    def get_tracer(self, _name: str) -> Provider:
        return self

    def start_span(self, name: str, context: Any, start_time: int) -> Span:
        self.made.append(Span(name, context, self._ids, start_time))
        return self.made[-1]


@pytest.fixture
def opentelemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: dict[str, dict[str, Any]] = {
        "opentelemetry": {},
        "opentelemetry.sdk": {},
        "opentelemetry.sdk.trace": {"TracerProvider": Provider},
        "opentelemetry.sdk.trace.export": {"BatchSpanProcessor": lambda exporter: exporter},
        "opentelemetry.sdk.resources": {"Resource": SimpleNamespace(create=dict)},
        "opentelemetry.exporter.otlp.proto.http.trace_exporter": {"OTLPSpanExporter": object},
        "opentelemetry.trace": {
            "INVALID_SPAN": None,
            "SpanContext": lambda trace_id, span_id, _remote, _flags: (trace_id, span_id),
            "TraceFlags": int,
            "NonRecordingSpan": lambda context: context,
            "set_span_in_context": lambda span: span,
            "StatusCode": SimpleNamespace(ERROR="error"),
        },
    }
    for name, content in parts.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.usefixtures("opentelemetry")
def test_a_span_has_the_ids_of_its_step_and_what_is_known_at_its_end() -> None:
    spans = Spans()
    assert spans.configure("crypto-quotes web", THERE)
    step, about = trace.following(PARENT), {"url.path": "/x"}
    with spans.span("GET", step, about):
        about["status"] = "200"
    (made,) = Provider.made
    assert (f"{made.trace_id:032x}", f"{made.span_id:016x}") == (step.trace_id, step.span_id)
    assert made.parent == (int(step.trace_id, 16), int("00f067aa0ba902b7", 16))
    assert (made.name, made.attributes, made.status, made.ended) == ("GET", about, "unset", True)


@pytest.mark.usefixtures("opentelemetry")
def test_a_block_that_fails_ends_its_span_as_an_error() -> None:
    spans = Spans()
    spans.configure("crypto-quotes web", THERE)
    with pytest.raises(KeyError), spans.span("GET", trace.begun(), {}):
        raise KeyError
    (made,) = Provider.made
    assert (made.parent, made.status, made.ended) == (None, "error", True)


@pytest.mark.usefixtures("opentelemetry")
def test_a_span_begins_when_its_request_had_come() -> None:
    spans = Spans()
    spans.configure("crypto-quotes web", THERE)
    before = time.time_ns()
    with spans.span("GET", trace.begun(), {}, 3600.0):
        pass
    after = time.time_ns()
    (made,) = Provider.made
    assert before <= made.begun + 3600 * 10**9 <= after


def test_without_an_endpoint_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(name: str) -> None:
        raise AssertionError(name)

    monkeypatch.setattr("core.spans.import_module", forbidden)
    spans = Spans()
    assert not spans.configure("crypto-quotes web", {})
    with spans.span("GET", trace.begun(), {}):
        pass


def test_without_the_library_it_says_so_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert not Spans().configure("crypto-quotes web", THERE)
    assert "no spans are sent" in caplog.text
