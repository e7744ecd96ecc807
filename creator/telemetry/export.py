"""Spans leave the process where the usual ``OTEL_…`` variables say so, for the time of a command.

A server that is away neither slows a run nor breaks it: spans are sent beside it, by a thread of the SDK's, what does
not fit into its queue is dropped, and at the end nobody waits for longer than a second.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from creator.telemetry.variables import check_variables, traces_endpoint, wanted_exporters
from creator.text import clean

FLUSH_SECONDS: Final = 1.0
"""How long the end of a command waits for the last spans to be sent; Ctrl-C has to end it within two seconds."""


@contextmanager
def exported_spans(*, quiet: bool) -> Iterator[None]:
    """Send the spans of a block; where no variable asks for that nothing is done, or imported.

    A tracer provider that the process has already is left as it is.

    Args:
        quiet: Whether nothing is said of spans that could not be sent.

    Raises:
        UsageError: A variable cannot be read.
    """
    exporters = wanted_exporters(os.environ)
    if not exporters:
        yield
        return
    check_variables(os.environ)
    from opentelemetry.trace import set_tracer_provider

    from creator.telemetry.provider import close_provider, make_provider
    from sandbox.runtime.tracing import effective_provider

    if effective_provider(None) is not None:
        yield
        return
    provider, sent = make_provider(exporters)
    set_tracer_provider(provider)
    try:
        yield
    finally:
        close_provider(provider, FLUSH_SECONDS)
        lost = sent.given - sent.delivered if sent is not None else 0
        if lost and not quiet:
            where = clean(traces_endpoint(os.environ), 200)
            print(f"creator: {lost:,} spans could not be sent to {where}", file=sys.stderr, flush=True)
