"""Model calls against a real HTTP server: retries, limits, accounts, and keys that stay secret."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from autogen_core.models import LLMMessage, UserMessage

from creator.errors import EnvironmentFault, RetryableModelError, TerminalModelError
from creator.models.accounts import CallRecord
from creator.models.backend import Backend
from creator.models.calls import ModelCalls
from creator.models.choose import choose_backend
from creator.models.patience import TRIES
from tests.clocks import Waited
from tests.scripted_server import ScriptedServer

KEY = "sk-very-secret"
ASK: list[LLMMessage] = [UserMessage(content="Say yes.", source="user")]
SCHEMA = {"title": "T", "type": "object", "properties": {"x": {"type": "string"}}}


def backend_on(server: ScriptedServer, **options: Any) -> Backend:
    return choose_backend("openai:scripted", server.url, {"OPENAI_API_KEY": KEY}, progress=print, **options)


async def ask(calls: ModelCalls, agent: str = "ada", **more: Any) -> str:
    return (await calls.complete(agent, ASK, temperature=0.5, max_tokens=10, **more)).text


@pytest.mark.parametrize("kind", ["429", "500", "503"])
async def test_a_fault_of_the_provider_is_tried_again(serve: Any, kind: str) -> None:
    server = serve(fault=lambda number, request: kind if number < 3 else None)
    records: list[CallRecord] = []
    async with backend_on(server) as backend:
        calls = ModelCalls(backend, on_call=lambda record, answer: records.append(record))
        assert await ask(calls) == "Yes."
    assert server.calls == 3
    assert (records[0].retries, records[0].error, records[0].agent) == (2, None, "ada")
    assert calls.accounts["ada"].retries == 2


async def test_retries_come_to_an_end(serve: Any) -> None:
    server = serve(fault=lambda number, request: "500")
    records: list[CallRecord] = []
    async with backend_on(server) as backend:
        with pytest.raises(RetryableModelError, match="HTTP 500"):
            await ask(ModelCalls(backend, on_call=lambda record, answer: records.append(record), clock=Waited().clock))
    assert server.calls == TRIES
    assert records[0].error is not None


async def test_the_wait_that_the_provider_asks_for_is_read(serve: Any) -> None:
    server = serve(fault=lambda number, request: "429")
    async with backend_on(server) as backend:
        with pytest.raises(RetryableModelError) as caught:
            await backend.complete(ASK, temperature=0, max_tokens=5)
    assert caught.value.retry_after == 0.05


@pytest.mark.parametrize("kind", ["401", "403", "404"])
async def test_what_cannot_succeed_is_not_tried_again(serve: Any, kind: str) -> None:
    server = serve(fault=lambda number, request: kind)
    async with backend_on(server) as backend:
        with pytest.raises(TerminalModelError, match=f"HTTP {kind}"):
            await ask(ModelCalls(backend))
    assert server.calls == 1


async def test_a_server_that_hangs_is_given_up_at_the_time_out(serve: Any) -> None:
    server = serve(fault=lambda number, request: "hang")
    async with backend_on(server) as backend:
        with pytest.raises(RetryableModelError, match=r"within 0\.1 s"):
            await backend.complete(ASK, temperature=0, max_tokens=5, timeout=0.1)


async def test_no_more_calls_at_once_than_allowed(serve: Any) -> None:
    server = serve(latency=0.05)
    async with backend_on(server, max_concurrency=3) as backend:
        calls = ModelCalls(backend)
        await asyncio.gather(*(ask(calls, f"agent_{i}", sample=str(i)) for i in range(12)))
    assert server.most_active == 3
    assert {account.calls for account in calls.accounts.values()} == {1}


async def test_a_server_without_schemas_is_asked_without(serve: Any) -> None:
    server = serve(fault=lambda number, request: "400 response_format" if "response_format" in request else None)
    async with backend_on(server) as backend:
        calls = ModelCalls(backend)
        assert await ask(calls, json_schema=SCHEMA) == "Yes."
        assert await ask(calls, json_schema=SCHEMA) == "Yes."
    assert server.calls == 3, "what a server refuses is remembered"


async def test_a_model_with_another_name_for_its_limit(serve: Any) -> None:
    server = serve(
        fault=lambda number, request: (
            "400 use max_completion_tokens, not max_tokens" if "max_tokens" in request else None
        )
    )
    async with backend_on(server) as backend:
        assert await ask(ModelCalls(backend)) == "Yes."
    assert server.requests[-1]["max_completion_tokens"] == 10


async def test_a_model_with_a_fixed_temperature(serve: Any) -> None:
    server = serve(fault=lambda number, request: "400 temperature is fixed" if "temperature" in request else None)
    async with backend_on(server) as backend:
        assert await ask(ModelCalls(backend)) == "Yes."


@pytest.mark.parametrize("kind", ["401", "500", "hang", "400 no", f"400 the key {KEY} is odd"])
async def test_the_key_is_in_no_error(serve: Any, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr("creator.models.client_backend.CHECK_SECONDS", 0.2)
    monkeypatch.setattr("creator.models.client_backend.CHECK_TRIES", 1)
    server = serve(fault=lambda number, request: kind)
    async with backend_on(server) as backend:
        with pytest.raises(EnvironmentFault) as caught:
            await backend.check()
    assert KEY not in str(caught.value)
    assert KEY not in repr(backend)


@pytest.mark.parametrize(("spec", "path"), [("anthropic:claude-x", "/v1/messages"), ("ollama:llama-x", "/api/chat")])
async def test_other_providers_answer_through_their_own_protocol(serve: Any, spec: str, path: str) -> None:
    server = serve()
    root = server.url.removesuffix("/v1")
    backend = choose_backend(spec, root, {"ANTHROPIC_API_KEY": KEY}, progress=print)
    async with backend:
        await backend.check()
        completion = await backend.complete(ASK, temperature=0.3, max_tokens=9, json_schema=SCHEMA)
    assert completion.text
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (7, 3)
    asked = server.requests[-1]
    assert asked["path"] == path
    assert asked.get("max_tokens", asked.get("options", {}).get("num_predict")) == 9
    assert asked.get("temperature", asked.get("options", {}).get("temperature")) == 0.3


@pytest.mark.parametrize("spec", ["anthropic:claude-x", "ollama:llama-x"])
@pytest.mark.parametrize(
    ("kind", "error"), [("429", RetryableModelError), ("500", RetryableModelError), ("404", TerminalModelError)]
)
async def test_other_providers_faults_are_told_apart(serve: Any, spec: str, kind: str, error: type[Exception]) -> None:
    server = serve(fault=lambda number, request: kind)
    backend = choose_backend(spec, server.url.removesuffix("/v1"), {"ANTHROPIC_API_KEY": KEY}, progress=print)
    async with backend:
        with pytest.raises(error, match=f"HTTP {kind}"):
            await backend.complete(ASK, temperature=0.3, max_tokens=9)
    assert server.calls == 1, "retries are not the client's business"
