"""A panel of judges on models of their own, over the real runtime, and what cells may ask of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from autogen_core import AgentId, MessageContext, RoutedAgent, message_handler

from creator.agents import messages
from creator.agents.messages import Compare
from creator.errors import EnvironmentFault, UsageError
from creator.house import House, Listeners
from creator.ideas.judging import Verdict
from creator.ideas.self_agreement import chance_note
from creator.ideas.tournament import Tournament
from creator.ledger.store import FILE_NAME, Ledger
from creator.models.accounts import CallRecord
from creator.models.choose import choose_backend
from creator.outcome import IdeaOutcome, IdeaVersion, RunOutcome
from creator.progress import SilentProgress
from creator.runtime import Grant
from creator.settings import SpawnSettings
from sandbox.cell import serializers
from sandbox.errors import HandlerFailed, PermissionDenied
from sandbox.protocol import JUDGE, Idea, OpinionRequest, Text
from sandbox.runtime import HardenedRuntime
from tests.scripted_server import ScriptedServer, prefer_first, prefer_lower_number

IDEAS = 5
"""So few that each meets each."""
Serve = Callable[..., ScriptedServer]


@asynccontextmanager
async def opened(
    tmp_path: Path, own: ScriptedServer, *judges: ScriptedServer, listeners: Listeners | None = None, **options: Any
) -> AsyncIterator[House]:
    """A house in the process sandbox, whose judges are models of these servers."""
    modules = tmp_path / "agents"
    modules.mkdir()
    settings = SpawnSettings(count=1, sandbox="process", output=tmp_path, reply_deadline=20, **options)
    backends = [
        choose_backend(f"openai:{name}", server.url, {}, progress=print)
        for name, server in zip(["own", "reader", "biased"], [own, *judges], strict=False)
    ]
    async with House(
        settings,
        SilentProgress(),
        backends[0],
        modules,
        "test",
        templates={},
        author=None,
        writes_code=False,
        seed=1,
        listeners=listeners or Listeners(),
        judges=backends[1:],
    ) as house:
        yield house


class Author(RoutedAgent):
    """Asks the judge whatever it is told to ask."""

    def __init__(self) -> None:
        super().__init__("An author in a cell.")

    @message_handler
    async def answer(self, message: Text, ctx: MessageContext) -> Text:
        idea = Idea(title="Idea 1", problem="Cranes are loud.")
        request: Any = OpinionRequest(objective="o", idea=idea, kind="verdict", arguments=["Too dear."])
        if message.content == "compare":
            request = Compare(seat=0, first=idea, second=idea)
        answer = await self.send_message(request, AgentId(JUDGE, "default"))
        return Text(content=f"{answer.verdict}: {answer.content}")


@asynccontextmanager
async def cell_of(house: House, name: str) -> AsyncIterator[HardenedRuntime]:
    """An author with the rights of a cell."""
    credential = house.credentials.issue(Grant(name, frozenset({name}), "cell"))
    runtime = HardenedRuntime(house.host.address, credential=credential, default_timeout=20)
    runtime.add_message_serializer(serializers(messages))
    await runtime.start()
    try:
        await runtime.register_agent_instance(Author(), AgentId(name, "default"))
        yield runtime
    finally:
        await runtime.stop(grace=0)


async def test_a_panel_of_two_models_finds_an_order(serve: Serve, tmp_path: Path) -> None:
    own, reader, biased = serve(), serve(prefer=prefer_lower_number), serve(prefer=prefer_first)
    calls: list[CallRecord] = []
    verdicts: list[Verdict] = []
    async with opened(
        tmp_path, own, reader, biased, listeners=Listeners(call=lambda call, answer: calls.append(call))
    ) as house:
        assert [(one.name, one.model) for one in house.panel] == [
            ("judge 1", "openai:reader"),
            ("judge 2", "openai:biased"),
        ]
        tournament = Tournament(house.panel, seed=1, on_verdict=verdicts.append)
        tournament.expect(IDEAS)
        playing = asyncio.create_task(tournament.play())
        for number in range(IDEAS, 0, -1):
            tournament.enter(number, Idea(title=f"Idea {number}", problem="Cranes are loud."))
        async with asyncio.timeout(60):
            await tournament.settled()
        playing.cancel()
        account = house.calls.accounts[JUDGE]
        assert [place.number for place in tournament.places()] == list(range(1, IDEAS + 1))
        good, bad = tournament.reports()
        assert (good.agreed, good.at_chance, good.failed) == (good.pairs, False, 0)
        assert (bad.agreed, bad.at_chance, bad.first_preferred) == (0, True, 2 * bad.pairs)
        assert "judge 2 (openai:biased)" in chance_note([good, bad])
    asked = 2 * tournament.comparisons
    assert len(reader.requests) == len(biased.requests) == asked + 1, "each once more to see whether it answers"
    assert len(own.requests) == 1
    assert account.calls == len(verdicts) == 2 * asked
    assert account.prompt_tokens > 0
    assert {call.agent for call in calls} == {JUDGE}
    assert {call.model for call in calls} == {"openai:reader", "openai:biased"}
    assert all(request["temperature"] == 0 for request in reader.requests)


async def test_verdicts_are_what_the_ledger_takes(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    biased = serve(prefer=prefer_first, fault=lambda number, request: "400 no" if number == 3 else None)
    async with opened(tmp_path, biased) as house, Ledger.open(path) as ledger:

        def record(one: Verdict) -> None:
            ledger.record_comparison(one.judge, one.model, one.round, one.first, one.second, one.winner, one.reason)

        tournament = Tournament(house.panel, seed=1, on_verdict=record)
        playing = asyncio.create_task(tournament.play())
        for number in range(1, 4):
            idea = Idea(title=f"Idea {number}")
            text = IdeaVersion(author="ada", idea=idea, id=number)
            ledger.record_idea(IdeaOutcome(number=number, author="ada", versions=[text]), None)
            tournament.enter(number, idea)
        async with asyncio.timeout(60):
            await tournament.settled()
        playing.cancel()
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT judge, model, first, winner FROM comparisons").fetchall()
    assert len(rows) == 6
    assert {row[:2] for row in rows} == {("judge", "openai:own")}
    assert [row[3] for row in rows].count(None) == 1
    assert all(winner in (first, None) for _, _, first, winner in rows)


async def test_the_model_of_the_run_judges_when_no_other_is_named(serve: Serve, tmp_path: Path) -> None:
    async with opened(tmp_path, serve(prefer=prefer_lower_number)) as house:
        (judge,) = house.panel
        assert (judge.name, judge.model) == ("judge", "openai:own")
        preference = await judge.compare(Idea(title="Idea 7"), Idea(title="Idea 3"))
        assert (preference.winner, preference.reason) == ("second", "It says more.")


async def test_without_a_tournament_nobody_sits_in_the_panel(serve: Serve, tmp_path: Path) -> None:
    async with opened(tmp_path, serve(), tournament=False) as house:
        assert house.panel == []


async def test_a_judge_that_gives_no_answer_says_so(serve: Serve, tmp_path: Path) -> None:
    server = serve(fault=lambda number, request: "400 no" if number > 1 else None)
    async with opened(tmp_path, server) as house:
        with pytest.raises(HandlerFailed, match="HTTP 400"):
            await house.panel[0].compare(Idea(title="Idea 1"), Idea(title="Idea 2"))


async def test_an_author_gets_a_verdict_on_its_own_account(serve: Serve, tmp_path: Path) -> None:
    own, reader = serve(), serve()
    async with opened(tmp_path, own, reader) as house, cell_of(house, "ada"):
        answer = await house.trusted.request(Text(content="verdict"), "ada", timeout=20)
        verdict, _, reason = answer.content.partition(": ")
        assert verdict in ("keep", "revise") and reason
        assert house.calls.accounts.keys() == {"ada"}
        assert house.calls.accounts["ada"].completion_tokens > 0
    assert len(reader.requests) == 2, "the judges' model gives it, after it was seen to answer"


async def test_a_cell_cannot_have_ideas_compared(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    async with opened(tmp_path, server) as house, cell_of(house, "ada") as cell:
        with pytest.raises(HandlerFailed, match=r"Permission"):
            await house.trusted.request(Text(content="compare"), "ada", timeout=20)
        request = Compare(seat=0, first=Idea(title="One"), second=Idea(title="Two"))
        with pytest.raises(PermissionDenied):
            await cell.request(request, JUDGE, sender=AgentId("ada", "default"), timeout=20)
        with pytest.raises(PermissionDenied):
            await cell.request(request, JUDGE, sender=AgentId(JUDGE, "default"), timeout=20)
    assert len(server.requests) == 1


async def test_a_judge_that_does_not_answer_at_all_is_found_at_the_start(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="the model 'openai:reader' does not answer"):
        async with opened(tmp_path, serve(), serve(fault=lambda number, request: "401 wrong key")):
            pass


async def test_a_run_opens_the_judges_that_were_named(run: Callable[..., Awaitable[RunOutcome]], serve: Serve) -> None:
    server = serve()
    await run(1, server=server, judge_model=["openai:other"])
    assert any(request["model"] == "other" for request in server.requests)
    with pytest.raises(UsageError, match="--judge-model embedded:"):
        await run(1, server=server, judge_model=["embedded"])
