"""Spans for OpenTelemetry: only where it is installed and OTEL_EXPORTER_OTLP_ENDPOINT says where they go.

Else nothing of it is imported, and nothing is sent. A span's ids are those of the log lines (core/trace.py).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from importlib import import_module
from typing import Any

from core.trace import Trace

logger = logging.getLogger(__name__)

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_NO_SPAN = nullcontext()
_beginning: ContextVar[Trace] = ContextVar("beginning")


class _Ids:
    """The ids of the step that begins."""

    def generate_span_id(self) -> int:
        return int(_beginning.get().span_id, 16)

    def generate_trace_id(self) -> int:
        return int(_beginning.get().trace_id, 16)

    def is_trace_id_random(self) -> bool:
        return True


class Spans:
    """Sends spans by the OpenTelemetry of this process, or none."""

    def __init__(self) -> None:
        self._api: Any = None
        self._tracer: Any = None

    def configure(self, service: str, environ: Mapping[str, str] = os.environ) -> bool:
        """Begin to send, as `service` unless OTEL_SERVICE_NAME is set; whether that is wanted and possible.

        It starts a thread: to be called after the fork.
        """
        if not environ.get(_ENDPOINT):
            return False
        try:
            sdk = import_module("opentelemetry.sdk.trace")
            export = import_module("opentelemetry.sdk.trace.export")
            resources = import_module("opentelemetry.sdk.resources")
            otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
            self._api = import_module("opentelemetry.trace")
        except ImportError as error:
            logger.warning("%s is set, but %s is not installed: no spans are sent", _ENDPOINT, error.name)
            return False
        named = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": service}
        provider = sdk.TracerProvider(resource=resources.Resource.create(named), id_generator=_Ids())
        provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
        self._tracer = provider.get_tracer("crypto-quotes")
        return True

    def span(
        self, name: str, step: Trace, attributes: Mapping[str, str | int], ago: float = 0.0
    ) -> AbstractContextManager[None]:
        """Let a block be that step's span, with the attributes as they are when it ends; it began some seconds ago."""
        return _NO_SPAN if self._tracer is None else self._sent(name, step, attributes, ago)

    @contextmanager
    def _sent(self, name: str, step: Trace, attributes: Mapping[str, str | int], ago: float) -> Iterator[None]:
        token = _beginning.set(step)
        try:
            begun = time.time_ns() - round(ago * 1e9)
            started = self._tracer.start_span(name, context=self._parent_of(step), start_time=begun)
        finally:
            _beginning.reset(token)
        try:
            yield
        except BaseException:
            started.set_status(self._api.StatusCode.ERROR)
            raise
        finally:
            started.set_attributes(dict(attributes))
            started.end()

    def _parent_of(self, step: Trace) -> Any:
        none = self._api.INVALID_SPAN
        if step.parent is None:
            return self._api.set_span_in_context(none)
        parent = self._api.SpanContext(
            int(step.trace_id, 16), int(step.parent, 16), True, self._api.TraceFlags(int(step.flags, 16))
        )
        return self._api.set_span_in_context(self._api.NonRecordingSpan(parent))


# Of this process, as OpenTelemetry has it.
SPANS = Spans()
