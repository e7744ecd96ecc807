"""OpenTelemetry spans that join a caller and its callee into one trace, across processes.

Off unless the user has set up a tracer provider; then every span costs nothing, because none is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Final

from autogen_core import AgentId
from opentelemetry.trace import (
    NoOpTracerProvider,
    ProxyTracerProvider,
    SpanKind,
    TracerProvider,
    get_tracer_provider,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

FIELDS: Final = ("traceparent", "tracestate")
"""The metadata that carries a trace, as the W3C's recommendation Trace Context names it."""

_propagator: Final = TraceContextTextMapPropagator()


class Spans:
    """Makes the spans of one runtime.

    Args:
        provider: Where spans go.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("agent-creator-sandbox")

    @contextmanager
    def request(self, recipient: AgentId, data_type: str, metadata: MutableMapping[str, str]) -> Iterator[None]:
        """The caller's span, from request to answer; writes the trace into ``metadata``."""
        attributes = {"messaging.destination.name": str(recipient), "messaging.message.type": data_type}
        with self._tracer.start_as_current_span(f"request {recipient.type}", None, SpanKind.CLIENT, attributes):
            _propagator.inject(metadata)
            yield

    @contextmanager
    def process(self, recipient: AgentId, data_type: str, metadata: Mapping[str, str]) -> Iterator[None]:
        """The callee's span, a child of the caller's."""
        carrier = {field: metadata[field] for field in FIELDS if field in metadata}
        attributes = {"messaging.destination.name": str(recipient), "messaging.message.type": data_type}
        context = _propagator.extract(carrier)
        with self._tracer.start_as_current_span(f"process {recipient.type}", context, SpanKind.SERVER, attributes):
            yield


def effective_provider(provider: TracerProvider | None) -> TracerProvider | None:
    """The given provider, else the one that the user set for the whole process, else None: no spans."""
    found = provider if provider is not None else get_tracer_provider()
    return None if isinstance(found, ProxyTracerProvider | NoOpTracerProvider) else found
