"""What each fault of a model does: one row of the table in docs/reference/models.md a test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import pytest
from autogen_core.models import LLMMessage, SystemMessage, UserMessage

from creator.errors import (
    AccessRefused,
    AnswerRefused,
    ContextTooLong,
    EnvironmentFault,
    InvalidAnswer,
    RetryableModelError,
    TerminalModelError,
)
from creator.models.accounts import CallRecord
from creator.models.backend import Completion
from creator.models.calls import MAX_CUTS, ModelCalls
from creator.models.choose import choose_backend
from creator.models.client_backend import MAX_TOLD_TOKENS
from creator.models.filling import FillRequest, ObjectFiller
from creator.models.outage import IN_A_ROW
from creator.models.patience import OVERLOADED_SECONDS, TRIES, UNREACHABLE_SECONDS
from tests.clocks import Waited
from tests.conftest import RecordedProgress
from tests.scripted_server import REFUSAL, Fault, ScriptedServer

KEY = "sk-very-secret"
SPECS = ["openai:scripted", "anthropic:claude-x", "ollama:llama-x"]
ASK: list[LLMMessage] = [SystemMessage(content="Be kind."), UserMessage(content="Say yes.", source="user")]
SCHEMA = {"title": "T", "type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}


@dataclass
class Asker:
    """Calls to a scripted server, on which every wait is over at once."""

    server: ScriptedServer
    calls: ModelCalls
    records: list[CallRecord]
    time: Waited
    said: list[str] = field(default_factory=list)
    faults: list[EnvironmentFault] = field(default_factory=list)

    async def __call__(self, messages: list[LLMMessage] = ASK, sample: str = "") -> Completion:
        return await self.calls.complete("ada", messages, temperature=0.5, max_tokens=10, sample=sample)


@asynccontextmanager
async def asking(server: ScriptedServer, spec: str = SPECS[0], timeout: float = 60.0) -> AsyncIterator[Asker]:
    url = server.url if spec == SPECS[0] else server.url.removesuffix("/v1")
    environ = {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
    async with choose_backend(spec, url, environ, progress=print) as backend:
        records: list[CallRecord] = []
        time, said, faults = Waited(), list[str](), list[EnvironmentFault]()
        calls = ModelCalls(
            backend,
            lambda record, answer: records.append(record),
            timeout,
            clock=time.clock,
            say=said.append,
            on_fault=faults.append,
        )
        yield Asker(server, calls, records, time, said, faults)


def first(times: int, kind: str) -> Fault:
    return lambda number, request: kind if number <= times else None


def always(kind: str) -> Fault:
    return lambda number, request: kind


def sent(server: ScriptedServer, call: int = -1) -> str:
    """The last message of a request, as text."""
    return str(server.requests[call]["messages"][-1]["content"])


# The server is overloaded.


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("kind", ["429", "503", "529"])
async def test_overload_costs_time_and_no_tries(serve: Any, spec: str, kind: str) -> None:
    async with asking(serve(fault=first(2 * TRIES, kind)), spec) as ask:
        await ask()
    assert ask.server.calls == 2 * TRIES + 1
    assert (ask.records[0].retries, ask.records[0].error) == (2 * TRIES, None)
    assert len([line for line in ask.said if f"HTTP {kind}" in line]) == 1


async def test_overload_without_end_is_given_up_after_some_minutes(serve: Any) -> None:
    async with asking(serve(fault=always("429"))) as ask:
        with pytest.raises(RetryableModelError, match="HTTP 429"):
            await ask()
    assert OVERLOADED_SECONDS <= sum(ask.time.waits) < 2 * OVERLOADED_SECONDS
    assert ask.server.calls < 50, "the server is not hammered"
    assert ask.faults == []


@pytest.mark.parametrize("spec", SPECS)
async def test_retry_after_in_seconds_is_kept_to(serve: Any, spec: str) -> None:
    server = serve(fault=first(1, "429"))
    server.headers = {"Retry-After": "33"}
    async with asking(server, spec) as ask:
        await ask()
    assert sum(ask.time.waits) == pytest.approx(33)


async def test_retry_after_as_a_date_is_kept_to_by_the_servers_own_clock(serve: Any) -> None:
    server = serve(fault=first(1, "429"))
    server.headers = {"Retry-After": formatdate(1_000_045, usegmt=True), "Date": formatdate(1_000_000, usegmt=True)}
    async with asking(server) as ask:
        await ask()
    assert sum(ask.time.waits) == pytest.approx(45)


async def test_retry_after_in_milliseconds_goes_first(serve: Any) -> None:
    server = serve(fault=first(1, "429"))
    server.headers = {"Retry-After": "60", "Retry-After-Ms": "1500"}
    async with asking(server) as ask:
        await ask()
    assert sum(ask.time.waits) == pytest.approx(1.5)


async def test_an_absurd_retry_after_is_cut(serve: Any) -> None:
    server = serve(fault=first(1, "429"))
    server.headers = {"Retry-After": "31536000"}
    async with asking(server) as ask:
        await ask()
    assert sum(ask.time.waits) == pytest.approx(120)


# The server makes mistakes, or is away.


@pytest.mark.parametrize("kind", ["500", "529", "drop", "html", "blank"])
@pytest.mark.parametrize("spec", SPECS)
async def test_a_mistake_is_followed_by_another_try(serve: Any, spec: str, kind: str) -> None:
    async with asking(serve(fault=first(1, kind)), spec) as ask:
        await ask()
    assert ask.server.calls == 2


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("500", "HTTP 500"),
        ("drop", "onnection"),
        ("html", "not a completion .text/html, begins with '<html>"),
        ("blank", "not a completion"),
    ],
)
async def test_a_mistake_that_stays_is_given_up_with_its_reason(serve: Any, kind: str, seen: str) -> None:
    async with asking(serve(fault=always(kind))) as ask:
        with pytest.raises(RetryableModelError, match=seen):
            await ask()
    assert ask.server.calls == TRIES
    assert ask.faults == []


@pytest.mark.parametrize("kind", ["hang", "dribble"])
async def test_a_whole_try_has_its_time_however_the_answer_comes(serve: Any, kind: str) -> None:
    async with asking(serve(fault=first(1, kind)), timeout=0.3) as ask:
        ask.server.released.clear()
        await ask()
    assert ask.records[0].retries == 1


@pytest.mark.parametrize("spec", SPECS)
async def test_a_server_that_is_not_there_is_waited_for(serve: Any, spec: str) -> None:
    async with asking(serve(), spec) as ask:
        ask.server.go_down()
        with pytest.raises(RetryableModelError) as caught:
            await ask()
        assert caught.value.trouble == "unreachable"
        assert UNREACHABLE_SECONDS <= sum(ask.time.waits) < UNREACHABLE_SECONDS + 10
        assert len([line for line in ask.said if "cannot be reached" in line]) == 1
        ask.server.come_back()
        await ask()
    assert ask.faults == []


async def test_a_server_that_comes_back_finds_the_call_still_there(serve: Any) -> None:
    async with asking(serve()) as ask:
        ask.server.go_down()
        calling = asyncio.create_task(ask())
        while not ask.said:
            await asyncio.sleep(0)
        ask.server.come_back()
        assert (await calling).text == "Yes."


@pytest.mark.parametrize("kind", ["502", "504"])
async def test_a_gateway_without_its_server_is_waited_for_too(serve: Any, kind: str) -> None:
    async with asking(serve(fault=first(2 * TRIES, kind))) as ask:
        assert (await ask()).text == "Yes."


async def test_a_server_that_is_gone_for_good_ends_the_run(serve: Any) -> None:
    async with asking(serve()) as ask:
        ask.server.go_down()
        for _ in range(IN_A_ROW):
            with pytest.raises(RetryableModelError):
                await ask()
        ask.server.come_back()
    assert len(ask.faults) == 1
    assert "cannot be reached any more" in str(ask.faults[0])


# The server refuses us.


@pytest.mark.parametrize(
    "kind",
    [
        "401",
        "402 payment required",
        "403",
        "429 [insufficient_quota] You exceeded your current quota",
        "400 Your credit balance is too low to access the API",
    ],
)
@pytest.mark.parametrize("spec", SPECS)
async def test_what_money_or_a_key_would_mend_is_tried_once_and_ends_the_run(serve: Any, spec: str, kind: str) -> None:
    async with asking(serve(fault=always(kind)), spec) as ask:
        for _ in range(IN_A_ROW):
            with pytest.raises(AccessRefused, match=f"HTTP {kind[:3]}"):
                await ask()
    assert ask.server.calls == IN_A_ROW
    assert len(ask.faults) == 1
    assert "Check the key" in str(ask.faults[0])


async def test_one_refusal_among_answers_ends_nothing(serve: Any) -> None:
    async with asking(serve(fault=lambda number, request: "403" if number % IN_A_ROW else None)) as ask:
        for _ in range(2 * IN_A_ROW):
            try:
                await ask()
            except AccessRefused:
                continue
    assert ask.faults == []


async def test_a_minutes_quota_is_an_overload(serve: Any) -> None:
    async with asking(serve(fault=first(1, "429 [rate_limit_exceeded] You exceeded your current quota"))) as ask:
        assert (await ask()).text == "Yes."


# The model does not want to answer.


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("refusal", REFUSAL),
        ("filtered", "content filter"),
        ("400 [content_filter] The prompt was filtered", "The prompt was filtered"),
    ],
)
async def test_a_refusal_is_asked_once_more_with_the_reason(serve: Any, kind: str, named: str) -> None:
    async with asking(serve(fault=first(1, kind))) as ask:
        assert (await ask()).text == "Yes."
    assert ask.server.calls == 2
    assert named.rstrip(".") in sent(ask.server)
    assert ask.records[0].error is not None and named.rstrip(".") in ask.records[0].error
    assert (ask.records[0].prompt_tokens > 0) == (not kind.startswith("400")), "what was answered was paid for"
    assert ask.records[1].error is None


@pytest.mark.parametrize(
    ("spec", "kind"),
    [(SPECS[0], "refusal"), (SPECS[0], "filtered"), (SPECS[0], "400 [content_filter] no"), (SPECS[1], "refusal")],
)
async def test_a_second_refusal_is_the_end_of_the_call(serve: Any, spec: str, kind: str) -> None:
    async with asking(serve(fault=always(kind)), spec) as ask:
        with pytest.raises(AnswerRefused):
            await ask()
    assert ask.server.calls == 2
    assert ask.faults == []


async def test_a_refusal_cannot_smuggle_anything_to_the_terminal(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.scripted_server.REFUSAL", "no\x1b[31m\n" + "x" * 100_000)
    async with asking(serve(fault=always("refusal"))) as ask:
        with pytest.raises(AnswerRefused) as caught:
            await ask()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


async def test_a_page_that_quotes_the_key_is_shown_without_it(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.scripted_server.PAGE", f"<html>{'x' * 45} {KEY}</html>".encode())
    async with asking(serve(fault=always("html"))) as ask:
        with pytest.raises(RetryableModelError, match="not a completion") as caught:
            await ask()
    assert KEY[:4] not in str(caught.value)


# The prompt is too long.


LONG = "beginning " + "word " * 2_000 + "end"
TOO_LONG = [
    "400 [context_length_exceeded] This model's maximum context length is 4096 tokens, reduce max_tokens",
    "400 prompt is too long: 250000 tokens > 200000 maximum",
    "400 the request exceeds the available context size, try increasing it",
    "500 the input length exceeds the context length",
    "413 [request_too_large] too large",
]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("kind", TOO_LONG)
async def test_a_prompt_that_is_too_long_loses_its_middle(serve: Any, spec: str, kind: str) -> None:
    def fault(number: int, request: dict[str, Any]) -> str | None:
        return kind if len(str(request["messages"])) > 4_000 else None

    async with asking(serve(fault=fault), spec) as ask:
        await ask([ASK[0], UserMessage(content=LONG, source="user"), ASK[1]])
    prompt = str(ask.server.requests[-1]["messages"])
    assert "beginning word" in prompt and "word end" in prompt and "[…]" in prompt
    assert "Say yes." in prompt
    assert ask.server.calls == 3
    assert [record.error is None for record in ask.records] == [False, False, True]


async def test_a_prompt_that_stays_too_long_is_given_up(serve: Any) -> None:
    async with asking(serve(fault=always(TOO_LONG[0]))) as ask:
        with pytest.raises(ContextTooLong, match="maximum context length"):
            await ask([UserMessage(content=LONG, source="user")])
    assert ask.server.calls == MAX_CUTS + 1


async def test_a_short_prompt_is_not_cut(serve: Any) -> None:
    async with asking(serve(fault=always(TOO_LONG[0]))) as ask:
        with pytest.raises(ContextTooLong):
            await ask()
    assert ask.server.calls == 1


# The answer is odd.


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 5_000, "total_tokens": 5_009}, (9, 5_000)),
        ({"prompt_tokens": -7, "completion_tokens": 10**30, "total_tokens": 0}, (0, MAX_TOLD_TOKENS)),
        (None, (0, 0)),
    ],
)
async def test_what_the_server_says_it_wrote_counts_within_reason(
    serve: Any, usage: object, counted: tuple[int, int]
) -> None:
    server = serve()
    reply = server._reply

    def changed(*arguments: Any) -> Any:
        status, headers, body = reply(*arguments)
        return status, headers, {**body, "usage": usage}

    server._reply = changed
    async with asking(server) as ask:
        await ask()
    assert (ask.records[0].prompt_tokens, ask.records[0].completion_tokens) == counted
    account = ask.calls.accounts["ada"]
    assert (account.prompt_tokens, account.completion_tokens) == counted


@pytest.mark.parametrize("kind", ["nonsense", "empty", "truncated"])
async def test_a_structured_answer_that_never_fits_is_given_up_after_three(serve: Any, kind: str) -> None:
    request = FillRequest(ASK, SCHEMA, {}, {}, temperature=0.5, max_tokens=100, seed=1)
    async with asking(serve(fault=always(kind))) as ask:
        with pytest.raises(InvalidAnswer, match="3 tries"):
            await ObjectFiller(ask.calls).fill("ada", request)
    assert ask.server.calls == 3
    assert "not usable" in sent(ask.server)


async def test_an_unknown_model_is_asked_for_once(serve: Any) -> None:
    async with asking(serve(fault=always("404"))) as ask:
        with pytest.raises(TerminalModelError, match="HTTP 404"):
            await ask()
    assert (ask.server.calls, ask.faults) == (1, [])


# Many calls, and whole runs.


async def test_a_storm_of_429_loses_no_call(serve: Any) -> None:
    server = serve(latency=0.01, at_once=2)
    server.headers = {"Retry-After": "0"}
    async with asking(server) as ask, asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(sample=str(number))) for number in range(40)]
    assert {task.result().text for task in tasks} == {"Yes."}
    assert server.turned_away > 0
    assert server.most_active <= 2


Run = Callable[..., Awaitable[Any]]


async def test_a_run_on_a_server_that_takes_two_calls_at_once(run: Run, serve: Any) -> None:
    server = serve(latency=0.02, at_once=2)
    progress = RecordedProgress()
    outcome = await run(10, server=server, progress=progress)
    assert (len(outcome.ideas), outcome.exit_code) == (10, 0), outcome.reason
    assert server.turned_away > 0
    assert any("too much to do" in line for line in progress.lines)


class Reviving(RecordedProgress):
    """Starts a server again when the run tells that it cannot be reached."""

    def __init__(self, server: ScriptedServer) -> None:
        super().__init__()
        self.server = server

    def say(self, line: str) -> None:
        super().say(line)
        if "cannot be reached" in line:
            self.server.come_back()


async def test_a_run_outlives_a_restart_of_its_server(run: Run, serve: Any) -> None:
    once = threading.Lock()

    def fault(number: int, request: dict[str, Any]) -> None:
        if number >= 8 and once.acquire(blocking=False):
            server.go_down()

    server = serve(fault=fault)
    progress = Reviving(server)
    outcome = await run(10, server=server, progress=progress)
    assert (len(outcome.ideas), outcome.exit_code) == (10, 0), outcome.reason
    assert any("cannot be reached" in line for line in progress.lines)


async def test_a_run_whose_key_is_revoked_ends_early_and_says_so(run: Run, serve: Any) -> None:
    server = serve(fault=lambda number, request: "401 [invalid_api_key] revoked" if number > 1 else None)
    outcome = await run(10, server=server, model_concurrency=1)
    assert outcome.ideas == []
    assert outcome.exit_code != 0
    assert "refuses us: HTTP 401" in outcome.reason
    assert server.calls < 1 + 10, "most agents were not even tried"


async def test_an_agent_whose_birth_is_refused_is_the_only_one_missing(run: Run, serve: Any) -> None:
    def fault(number: int, request: dict[str, Any]) -> str | None:
        return "refusal" if number in (2, 3) else None

    outcome = await run(3, server=serve(fault=fault), model_concurrency=1)
    assert len(outcome.ideas) >= 2
    failed = [agent.reason for agent in outcome.agents if agent.state == "failed"]
    assert all("refus" in reason for reason in failed)
