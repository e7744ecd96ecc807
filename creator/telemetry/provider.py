"""The tracer provider of a command: OpenTelemetry's SDK, imported only where spans are wanted."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter, SpanExportResult

from creator import __version__
from creator.errors import UsageError
from creator.text import clean
from sandbox.runtime.tracing import TRACER


class Counted(SpanExporter):
    """An exporter that counts what it has delivered and what it has not.

    Args:
        exporter: What sends.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.given = 0
        """Spans, those included that are still under way."""
        self.delivered = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        self.given += len(spans)
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self.delivered += len(spans)
        return result

    def shutdown(self) -> None:
        """Send nothing more."""
        self._exporter.shutdown()


def make_provider(exporters: Sequence[str]) -> tuple[TracerProvider, Counted | None]:
    """A provider that the SDK sets up by the variables of the environment.

    Args:
        exporters: ``otlp``, ``console`` or both; the latter prints a line of JSON for each span on stderr.

    Returns:
        The provider, and what counts the spans that are sent; None where none are.

    Raises:
        UsageError: The variables do not fit together.
    """
    sent = None
    try:
        provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        if "otlp" in exporters:
            sent = Counted(OTLPSpanExporter())
            provider.add_span_processor(BatchSpanProcessor(sent))
        if "console" in exporters:
            console = ConsoleSpanExporter(out=sys.stderr, formatter=lambda span: span.to_json(indent=None) + "\n")
            provider.add_span_processor(BatchSpanProcessor(console))
    except Exception as error:  # the SDK's are of many kinds
        raise UsageError(f"The OTEL_ variables do not fit together: {clean(str(error), 200)}.") from None
    return provider, sent


def _resource() -> Resource:
    """What the spans are of: as the environment says, under our name when it gives none."""
    found = Resource.create()
    unnamed = str(found.attributes[SERVICE_NAME]).startswith("unknown_service")
    own = Resource({SERVICE_VERSION: __version__})
    return own.merge(found).merge(Resource({SERVICE_NAME: TRACER} if unnamed else {}))


def close_provider(provider: TracerProvider, seconds: float) -> None:
    """Send what is left, for so many seconds; what is still under way then ends with the process."""

    def shut_down() -> None:
        with suppress(Exception):
            provider.shutdown()

    closing = threading.Thread(target=shut_down, name="last spans", daemon=True)  # the SDK would wait half a minute
    closing.start()
    closing.join(seconds)
