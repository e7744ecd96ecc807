"""Traces join a caller and its callee; without a tracer provider there are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import pytest
from autogen_core import AgentId
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from sandbox.errors import HandlerFailed
from sandbox.runtime import HardenedRuntime
from tests.integration.runtime.house import Ask, House


def provider() -> tuple[TracerProvider, InMemorySpanExporter]:
    """As each process has its own."""
    exporter = InMemorySpanExporter()
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(exporter))
    return made, exporter


async def test_caller_and_callee_are_in_one_trace(house: House) -> None:
    callers, callers_spans = provider()
    callees, callees_spans = provider()
    await house.worker("bob", tracer_provider=callees)
    await house.worker("ann", tracer_provider=callees)
    caller = await house.connect("zoe", role="trusted", tracer_provider=callers)
    await caller.request(Ask(do="chain", text="bob"), "ann", timeout=5, conversation="c1")
    (request,) = callers_spans.get_finished_spans()
    inner_process, inner_request, process = callees_spans.get_finished_spans()
    assert [span.name for span in (request, process, inner_request, inner_process)] == [
        "request ann",
        "process ann",
        "request bob",
        "process bob",
    ]
    chain = [request, process, inner_request, inner_process]
    assert {span.context.trace_id for span in chain} == {request.context.trace_id}
    assert [span.parent and span.parent.span_id for span in chain] == [None, *(s.context.span_id for s in chain[:-1])]
    assert process.attributes == {"messaging.destination.name": "ann/default", "messaging.message.type": "Ask"}


async def test_a_failure_is_on_both_spans(house: House) -> None:
    made, spans = provider()
    await house.worker("bob", tracer_provider=made)
    caller = await house.connect("zoe", role="trusted", tracer_provider=made)
    with pytest.raises(HandlerFailed):
        await caller.request(Ask(do="raise"), "bob", timeout=5)
    assert [span.status.status_code for span in spans.get_finished_spans()] == [StatusCode.ERROR] * 2


async def test_a_traced_caller_and_an_untraced_callee_get_along(house: House) -> None:
    made, spans = provider()
    await house.worker("bob")
    caller = await house.connect("zoe", role="trusted", tracer_provider=made)
    assert (await caller.request(Ask(value=3), "bob", timeout=5)).value == 3
    assert len(spans.get_finished_spans()) == 1


async def test_a_forged_trace_is_not_passed_on(house: House) -> None:
    made, spans = provider()
    await house.worker("bob", tracer_provider=made)
    await house.trusted._ask(
        Ask(), AgentId("bob", "default"), None, 5, None, {"traceparent": "x\n[31m", "tracestate": "y" * 600}
    )
    (process,) = spans.get_finished_spans()
    assert process.parent is None


class Forging:
    """What a hostile cell may do in the place of `Spans`."""

    @contextmanager
    def request(self, recipient: AgentId, data_type: str, metadata: MutableMapping[str, str]) -> Iterator[None]:
        metadata |= {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "tracestate": "mine=words"}
        yield

    @contextmanager
    def process(self, recipient: AgentId, data_type: str, metadata: Mapping[str, str]) -> Iterator[None]:
        yield


@pytest.mark.parametrize("spans", [None, Forging()])
async def test_what_a_cell_asks_is_in_the_trace_of_what_it_was_asked(house: House, spans: Any) -> None:
    made, found = provider()
    await house.worker("bob", tracer_provider=made)
    ann = await house.worker("ann")
    ann._spans = spans
    caller = await house.connect("zoe", role="trusted", tracer_provider=made)
    await caller.request(Ask(do="chain", text="bob"), "ann", timeout=5, conversation="c1")
    process, request = found.get_finished_spans()
    assert (process.name, request.name) == ("process bob", "request ann")
    assert process.parent is not None and process.parent.span_id == request.context.span_id
    assert process.context.trace_id == request.context.trace_id
    assert not process.context.trace_state


async def test_no_text_of_an_error_is_on_a_span(house: House) -> None:
    made, spans = provider()
    await house.worker("bob", tracer_provider=made)
    caller = await house.connect("zoe", role="trusted", tracer_provider=made)
    with pytest.raises(HandlerFailed):
        await caller.request(Ask(do="raise"), "bob", timeout=5)
    for span in spans.get_finished_spans():
        assert (span.events, span.status.description) == ((), None)
        assert str((span.attributes or {})["error.type"]).isidentifier()


def test_without_a_provider_there_are_no_spans() -> None:
    assert HardenedRuntime("localhost:1")._spans is None
