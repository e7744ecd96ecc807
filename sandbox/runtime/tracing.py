"""OpenTelemetry spans that join a caller and its callee into one trace, across processes.

Off unless the user has set up a tracer provider; then every span costs nothing, because none is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Final

from autogen_core import AgentId
from opentelemetry.context import Context, get_current
from opentelemetry.trace import (
    NoOpTracerProvider,
    ProxyTracerProvider,
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    TracerProvider,
    get_tracer_provider,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACER: Final = "agent-creator-sandbox"
"""The instrumentation scope of all our spans."""

FIELDS: Final = ("traceparent", "tracestate")
"""The metadata that carries a trace, as the W3C's recommendation Trace Context names it."""

_propagator: Final = TraceContextTextMapPropagator()


class Spans:
    """Makes the spans of one runtime.

    Args:
        provider: Where spans go.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer(TRACER)

    @contextmanager
    def request(self, recipient: AgentId, data_type: str, metadata: MutableMapping[str, str]) -> Iterator[None]:
        """The caller's span, from request to answer; writes the trace into ``metadata``."""
        attributes = {"messaging.destination.name": str(recipient), "messaging.message.type": data_type}
        with current_span(self._tracer, f"request {recipient.type}", SpanKind.CLIENT, attributes):
            _propagator.inject(metadata)
            yield

    @contextmanager
    def process(self, recipient: AgentId, data_type: str, metadata: Mapping[str, str]) -> Iterator[None]:
        """The callee's span, a child of the caller's where that is known."""
        carrier = {field: metadata[field] for field in FIELDS if field in metadata}
        attributes = {"messaging.destination.name": str(recipient), "messaging.message.type": data_type}
        context = _propagator.extract(carrier, get_current())  # a request without a trace belongs to what goes on here
        with current_span(self._tracer, f"process {recipient.type}", SpanKind.SERVER, attributes, context):
            yield


@contextmanager
def current_span(
    tracer: Tracer,
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, str | int | float | bool],
    context: Context | None = None,
) -> Iterator[Span]:
    """A span around a block. Of an error only its type is kept: its text, and its frames, may quote what a model wrote.

    Args:
        tracer: Makes it.
        name: Its name.
        kind: Its part in an exchange.
        attributes: What is known of it by now.
        context: Holds its parent; None for what is current.
    """
    with tracer.start_as_current_span(
        name, context, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            mark_failed(span, type(error).__name__)
            raise


def mark_failed(span: Span, kind: str) -> None:
    """Say that what a span stands for went wrong.

    Args:
        span: The span.
        kind: In one of few words, such as the type of an error.
    """
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def effective_provider(provider: TracerProvider | None) -> TracerProvider | None:
    """The given provider, else the one that the user set for the whole process, else None: no spans."""
    found = provider if provider is not None else get_tracer_provider()
    return None if isinstance(found, ProxyTracerProvider | NoOpTracerProvider) else found
