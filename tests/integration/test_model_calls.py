"""Model calls that go on at the same time, and what is left on record of them."""

from __future__ import annotations

import asyncio
import json
import threading
import traceback
import warnings
from typing import Any

import pytest
from autogen_core.models import LLMMessage, UserMessage

from creator.errors import EnvironmentFault, InvalidAnswer, RetryableModelError, TerminalModelError
from creator.models.accounts import CallRecord
from creator.models.backend import Backend, Completion
from creator.models.calls import ModelCalls
from creator.models.choose import choose_backend
from creator.models.filling import FillRequest, ObjectFiller
from tests.clocks import Waited
from tests.scripted_server import Fault, ScriptedServer

KEY = "sk-very-secret"
ASK: list[LLMMessage] = [UserMessage(content="Say yes.", source="user")]
SCHEMA = {
    "title": "T",
    "type": "object",
    "properties": {"x": {"type": "string"}},
    "required": ["x"],
    "additionalProperties": False,
}
TOGETHER = 4


def together(word: str, text: str) -> Fault:
    """Refuses a field of the request, but only when the first calls have all arrived, so none could learn from it."""
    arrived = threading.Barrier(TOGETHER)

    def fault(number: int, asked: dict[str, Any]) -> str | None:
        if number <= TOGETHER:
            arrived.wait(20)
        return f"400 {text}" if word in asked else None

    return fault


def backend_on(server: ScriptedServer, **options: Any) -> Backend:
    return choose_backend("openai:scripted", server.url, {"OPENAI_API_KEY": KEY}, progress=print, **options)


async def ask(calls: ModelCalls, agent: str = "ada", **more: Any) -> Completion:
    return await calls.complete(agent, ASK, temperature=0.5, max_tokens=10, **more)


def filling() -> FillRequest:
    return FillRequest(ASK, SCHEMA, {}, {}, temperature=0.5, max_tokens=100, seed=1)


def replying(server: ScriptedServer, **changes: Any) -> None:
    """Let a server's replies differ from what a good one sends."""
    reply = server._reply

    def changed(*arguments: Any) -> tuple[int, dict[str, str], Any]:
        status, headers, body = reply(*arguments)
        return status, headers, {**body, **changes}

    server._reply = changed  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("word", "text", "instead"),
    [
        ("response_format", "response_format is not supported", None),
        ("max_tokens", "use max_completion_tokens instead of max_tokens", "max_completion_tokens"),
        ("temperature", "temperature has to be 1", None),
    ],
)
async def test_calls_that_are_refused_together_all_adapt(serve: Any, word: str, text: str, instead: str | None) -> None:
    server = serve(fault=together(word, text))
    async with backend_on(server) as backend:
        calls = ModelCalls(backend)
        await asyncio.gather(*(ask(calls, f"agent_{i}", json_schema=SCHEMA, sample=str(i)) for i in range(TOGETHER)))
        await ask(calls, json_schema=SCHEMA)
    assert server.calls == 2 * TOGETHER + 1, "each learned it once, and the next call knew"
    assert all(word not in asked for asked in server.requests[TOGETHER:])
    assert instead is None or server.requests[-1][instead] == 10
    assert sum(account.retries for account in calls.accounts.values()) == 0


async def test_a_request_that_stays_refused_is_not_sent_for_ever(serve: Any) -> None:
    server = serve(fault=lambda number, asked: "400 max_completion_tokens, max_tokens, temperature and schema are odd")
    async with backend_on(server) as backend:
        with pytest.raises(TerminalModelError, match="HTTP 400"):
            await ask(ModelCalls(backend), json_schema=SCHEMA)
    assert server.calls == 4


async def test_without_schemas_the_prompt_alone_brings_the_object(serve: Any) -> None:
    answer = 'Sure!\n```json\n{"x": "from the prompt"}\n```'
    server = serve(fault=lambda number, asked: "400 response_format" if "response_format" in asked else answer)
    async with backend_on(server) as backend:
        filled = await ObjectFiller(ModelCalls(backend)).fill("ada", filling())
    assert json.loads(filled) == {"x": "from the prompt"}
    assert '"x"' in str(server.requests[-1]["messages"][-1]["content"])


@pytest.mark.parametrize("kind", ["fenced", "prose"])
async def test_an_object_is_filled_from_what_a_server_wraps_it_in(serve: Any, kind: str) -> None:
    server = serve(fault=lambda number, asked: kind)
    async with backend_on(server) as backend:
        assert json.loads(await ObjectFiller(ModelCalls(backend)).fill("ada", filling())).keys() == {"x"}
    assert server.calls == 1


async def test_a_cut_off_answer_is_asked_for_with_more_room(serve: Any) -> None:
    server = serve(fault=lambda number, asked: "truncated" if number == 1 else None)
    async with backend_on(server) as backend:
        await ObjectFiller(ModelCalls(backend)).fill("ada", filling())
    assert [asked["max_tokens"] for asked in server.requests] == [100, 200]


@pytest.mark.parametrize("kind", ["nonsense", "empty"])
async def test_a_server_that_never_fits_the_schema_is_given_up_on_the_agents_account(serve: Any, kind: str) -> None:
    server = serve(fault=lambda number, asked: kind)
    async with backend_on(server) as backend:
        calls = ModelCalls(backend)
        with pytest.raises(InvalidAnswer, match="3 tries"):
            await ObjectFiller(calls).fill("ada", filling())
    assert (server.calls, calls.accounts["ada"].calls) == (3, 3)
    assert len({len(asked["messages"]) for asked in server.requests}) == 1, "prompts do not grow"


async def test_every_try_is_on_the_account_and_every_call_on_record(serve: Any) -> None:
    server = serve(fault=lambda number, asked: {1: "500", 2: "429", 4: "404"}.get(number))
    records: list[CallRecord] = []
    async with backend_on(server) as backend:
        calls = ModelCalls(backend, on_call=lambda record, answer: records.append(record))
        usage = (await ask(calls)).usage
        with pytest.raises(TerminalModelError):
            await ask(calls)
        await ask(calls, "bo")
    ada, size = calls.accounts["ada"], len(ASK[0].content)
    assert (ada.calls, ada.retries, ada.prompt_characters) == (2, 2, 4 * size)
    assert (ada.prompt_tokens, ada.completion_tokens) == (usage.prompt_tokens, usage.completion_tokens)
    assert calls.accounts["bo"].retries == 0
    good, bad, other = records
    assert (good.agent, good.model, good.retries, good.error) == ("ada", "openai:scripted", 2, None)
    assert (good.prompt_tokens, good.completion_tokens) == (usage.prompt_tokens, usage.completion_tokens)
    assert good.prompt_characters == size
    assert (bad.agent, bad.retries, bad.prompt_tokens, bad.completion_tokens) == ("ada", 0, 0, 0)
    assert bad.error is not None and "HTTP 404" in bad.error
    assert other.agent == "bo"


async def test_who_waits_for_a_retry_lets_others_go_first(serve: Any) -> None:
    server = serve(fault=lambda number, asked: "429" if number == 1 else None)
    async with backend_on(server, max_concurrency=1) as backend:
        calls = ModelCalls(backend)

        async def say(word: str) -> None:
            message = UserMessage(content=word, source="user")
            await calls.complete(word, [message], temperature=0, max_tokens=5)

        await asyncio.gather(say("first"), say("second"))
    assert [asked["messages"][0]["content"] for asked in server.requests] == ["first", "second", "first"]
    assert server.most_active == 1


async def test_a_cancelled_call_gives_its_place_back(serve: Any) -> None:
    arrived = threading.Event()

    def fault(number: int, asked: dict[str, Any]) -> str | None:
        arrived.set()
        return "hang" if number == 1 else None

    async with backend_on(serve(fault=fault), max_concurrency=1) as backend:
        records: list[CallRecord] = []
        calls = ModelCalls(backend, on_call=lambda record, answer: records.append(record))
        hanging = asyncio.create_task(ask(calls, "ada"))
        assert await asyncio.to_thread(arrived.wait, 20)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        await ask(calls, "bo")
    assert [record.agent for record in records] == ["bo"]


async def test_a_hanging_try_is_followed_by_another(serve: Any) -> None:
    server = serve(fault=lambda number, asked: "hang" if number == 1 else None)
    async with backend_on(server) as backend:
        calls = ModelCalls(backend, timeout=0.5)
        assert (await ask(calls)).text == "Yes."
    assert calls.accounts["ada"].retries == 1


@pytest.mark.parametrize(
    ("asked_for", "understood"),
    [
        ("2", 2.0),
        ("0", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("9999", 9_999.0),
    ],
)
async def test_only_a_sensible_wait_is_taken_from_the_provider(
    serve: Any, asked_for: str, understood: float | None
) -> None:
    server = serve(fault=lambda number, asked: "503")
    server.headers = {"Retry-After": asked_for}
    async with backend_on(server) as backend:
        with pytest.raises(RetryableModelError) as caught:
            await backend.complete(ASK, temperature=0, max_tokens=5)
    assert caught.value.retry_after == understood


@pytest.mark.parametrize("changes", [{"choices": []}, {"choices": None}, {"choices": [{"index": 0}]}])
async def test_an_answer_that_is_no_completion_may_be_tried_again(serve: Any, changes: dict[str, Any]) -> None:
    server = serve()
    replying(server, **changes)
    async with backend_on(server) as backend:
        with pytest.raises(RetryableModelError, match="not a completion"):
            await backend.complete(ASK, temperature=0, max_tokens=5)


async def test_a_server_may_call_its_model_otherwise(serve: Any) -> None:
    server = serve()
    replying(server, model="another-name")
    async with backend_on(server) as backend:
        assert (await ask(ModelCalls(backend))).text == "Yes."


async def test_calls_that_overlap_leave_the_warnings_as_they_were(serve: Any) -> None:
    arrived, overlapping, over = threading.Event(), threading.Event(), threading.Event()

    def fault(number: int, asked: dict[str, Any]) -> None:
        (arrived if number == 1 else overlapping).set()
        (overlapping if number == 1 else over).wait(20)

    async with backend_on(serve(fault=fault)) as backend:
        calls = ModelCalls(backend)
        before = list(warnings.filters)
        first = asyncio.create_task(ask(calls, sample="first"))
        assert await asyncio.to_thread(arrived.wait, 20)
        second = asyncio.create_task(ask(calls, sample="second"))
        await first
        over.set()
        await second
        assert list(warnings.filters) == before


@pytest.mark.parametrize("kind", ["401", "500", "400", "404", "429"])
async def test_a_key_that_the_server_quotes_is_shown_nowhere(serve: Any, kind: str) -> None:
    server = serve(fault=lambda number, asked: f"{kind} the key {KEY} is odd")
    records: list[CallRecord] = []
    async with backend_on(server) as backend:
        calls = ModelCalls(backend, on_call=lambda record, answer: records.append(record), clock=Waited().clock)
        with pytest.raises((TerminalModelError, RetryableModelError), match=r"the key \*\*\* is odd") as caught:
            await ask(calls)
        shown = [
            repr(backend),
            repr(calls),
            repr(records),
            repr(caught.value),
            *traceback.format_exception(caught.value),
        ]
    assert KEY not in "".join(shown)


async def test_a_server_of_ones_own_needs_no_key(serve: Any) -> None:
    server = serve()
    root = server.url.removesuffix("/v1")
    for spec, url in (("openai:x", server.url), ("anthropic:x", root), ("ollama:x", root), ("just-a-name", server.url)):
        async with choose_backend(spec, url, {}, progress=print) as backend:
            await backend.check()
    assert server.calls == 4


@pytest.mark.parametrize(
    ("kind", "advice"),
    [("401", "Check the key"), ("404", "Check the model's name"), ("400 odd", "choose another --model")],
)
async def test_a_failed_check_is_one_line_that_says_what_to_do(serve: Any, kind: str, advice: str) -> None:
    async with backend_on(serve(fault=lambda number, asked: kind)) as backend:
        with pytest.raises(EnvironmentFault, match=advice) as caught:
            await backend.check()
    assert "\n" not in str(caught.value)


async def test_a_server_that_is_not_there_is_told_from_one_that_refuses() -> None:
    async with choose_backend("openai:x", "http://127.0.0.1:9/v1", {}, progress=print) as backend:
        with pytest.raises(EnvironmentFault, match="--base-url is right"):
            await backend.check()


async def test_a_check_outlasts_a_fault_that_passes(serve: Any) -> None:
    server = serve(fault=lambda number, asked: "429" if number < 3 else None)
    async with backend_on(server) as backend:
        await backend.check()
    assert server.calls == 3
