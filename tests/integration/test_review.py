"""A person stays in charge: nobody goes live without the asked approval, whichever way round it is tried."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from creator.authors import TemplateAuthor
from creator.blueprint import Blueprint
from creator.cli import main
from creator.ledger.store import FILE_NAME, Ledger
from creator.ledger.view import load_run
from creator.outcome import RunOutcome
from creator.outputs import read_settings
from creator.review.base import Candidate, Verdict
from creator.settings import SpawnSettings
from creator.spawning import resume, spawn
from tests.conftest import RecordedProgress


class Scripted:
    """Decides by a function; keeps what it was shown."""

    def __init__(self, decide: Callable[[Candidate], Verdict]) -> None:
        self.decide = decide
        self.shown: list[Candidate] = []
        self.told: list[str] = []

    async def review(self, candidate: Candidate) -> Verdict:
        self.shown.append(candidate)
        await asyncio.sleep(0)
        return self.decide(candidate)

    async def tell(self, candidate: Candidate, problem: str) -> None:
        self.told.append(problem)


APPROVED = Verdict("approved")


def rows(directory: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(directory / FILE_NAME)) as ledger:
        return ledger.execute(query).fetchall()


async def test_what_is_approved_lives_and_the_decision_is_on_record(run: Any) -> None:
    reviewer = Scripted(lambda candidate: APPROVED)
    outcome = await run(3, review="now", reviewer=reviewer)
    assert outcome.exit_code == 0, outcome.reason
    assert {one.name for one in reviewer.shown} == {agent.name for agent in outcome.agents}
    for shown in reviewer.shown:
        assert hashlib.sha256(shown.source.encode()).hexdigest() == shown.sha256
        assert (outcome.directory / "agents" / f"{shown.name}.py").read_text("utf-8") == shown.source
    decisions = rows(outcome.directory, "SELECT name, sha256, decision FROM decisions")
    assert {(one.name, one.sha256, "approved") for one in reviewer.shown} == set(decisions)


async def test_a_reason_of_rejection_goes_into_the_next_try(run: Any, serve: Any) -> None:
    server = serve()
    reviewer = Scripted(lambda one: Verdict("rejected", "too shy by half") if one.attempt == 1 else APPROVED)
    outcome = await run(2, server=server, review="now", reviewer=reviewer, bounce=0.0)
    assert outcome.exit_code == 0, outcome.reason
    prompts = [str(request["messages"]) for request in server.requests]
    assert sum("too shy by half" in prompt for prompt in prompts) == 2
    live = {agent.name for agent in outcome.agents}
    assert live == {one.name for one in reviewer.shown if one.attempt == 2}
    assert {path.stem for path in (outcome.directory / "agents").glob("*.py")} == live


async def test_one_who_is_always_rejected_is_given_up_and_never_lived(run: Any) -> None:
    reviewer = Scripted(lambda candidate: Verdict("rejected", "no"))
    outcome = await run(1, review="now", reviewer=reviewer)
    assert outcome.exit_code == 1
    assert "rejected" in outcome.reason
    assert rows(outcome.directory, "SELECT count(*) FROM messages WHERE type IN ('Hello', 'StartCell')") == [(0,)]


async def test_an_edited_module_is_checked_again_and_the_edit_is_what_lives(run: Any) -> None:
    good = "# edited by hand\n"

    def decide(candidate: Candidate) -> Verdict:
        if len(reviewer.shown) == 1:
            return Verdict("edited", source="import os\n" + candidate.source)
        if len(reviewer.shown) == 2:
            return Verdict("edited", source=candidate.source.replace("return kit.Proposal(idea=idea)", "return None"))
        return Verdict("edited", source=candidate.source + good)

    reviewer = Scripted(decide)
    outcome = await run(1, review="now", reviewer=reviewer)
    assert outcome.exit_code == 0, outcome.reason
    assert len(reviewer.told) == 2
    assert "IMPORT001" in reviewer.told[0]
    assert "propose" in reviewer.told[1]
    (agent,) = outcome.agents
    source = (outcome.directory / "agents" / f"{agent.name}.py").read_text("utf-8")
    assert source.endswith(good)
    assert agent.sha256 == hashlib.sha256(source.encode()).hexdigest()
    assert rows(outcome.directory, "SELECT decision, sha256 FROM decisions") == [("edited", agent.sha256)]


async def test_those_who_wait_hold_up_nobody(run: Any) -> None:
    waits: list[str] = []

    def decide(candidate: Candidate) -> Verdict:
        if not waits or candidate.name in waits:
            waits.append(candidate.name)
            return Verdict("pending")
        return APPROVED

    outcome = await run(4, review="now", reviewer=Scripted(decide), bounce=1.0)
    assert outcome.exit_code == 3
    assert len(outcome.ideas) == 3
    assert [agent.name for agent in outcome.pending] == waits[:1]
    assert f"agents approve {waits[0]}" in outcome.reason
    assert rows(outcome.directory, f"SELECT count(*) FROM messages WHERE target = '{waits[0]}'") == [(0,)]


async def test_later_means_that_nobody_lives_until_somebody_approves(run: Any) -> None:
    outcome = await run(3, review="later")
    assert outcome.exit_code == 1
    assert {agent.state for agent in outcome.agents} == {"pending"}
    assert rows(outcome.directory, "SELECT count(*) FROM messages WHERE type IN ('Hello', 'StartCell')") == [(0,)]
    assert len(list((outcome.directory / "agents").glob("*.py"))) == 3


def decide_in_ledger(directory: Path, name: str, sha256: str, decision: Any, why: str = "") -> None:
    """As another terminal does."""
    ledger = Ledger.open(directory / FILE_NAME)
    ledger.record_decision(name, sha256, decision, why)
    asyncio.get_running_loop().create_task(ledger.close())


async def test_another_terminal_decides_while_the_run_goes_on(run: Any, serve: Any, tmp_path: Path) -> None:
    # The first agent lives at once, and its model does not answer before everything has been decided.
    def until_released(number: int, request: dict[str, Any]) -> str | None:
        return "hang" if not server.released.is_set() and "Propose one idea" in str(request["messages"]) else None

    server = serve(fault=until_released)
    progress = RecordedProgress()
    reviewer = Scripted(lambda one: APPROVED if len(reviewer.shown) == 1 else Verdict("pending"))
    options: dict[str, Any] = {"server": server, "progress": progress, "reviewer": reviewer, "model_timeout": 5}
    going = asyncio.create_task(run(3, review="now", bounce=0.0, reply_deadline=120, **options))

    async def reached(state: str, times: int) -> list[str]:
        async with asyncio.timeout(60):
            while (found := [name for name, one, _ in progress.agents if one == state])[times - 1 :] == []:
                await asyncio.sleep(0.01)
                assert not going.done(), going.result().reason
        return found

    def decide(name: str, decision: Any, why: str = "") -> None:
        (directory,) = (tmp_path / "generated").glob("2*")
        ((sha256,),) = rows(directory, f"SELECT sha256 FROM agents WHERE name = '{name}' AND state = 'pending'")
        decide_in_ledger(directory, name, sha256, decision, why)

    first, second = (await reached("pending", 2))[:2]
    decide(first, "rejected", "too loud")
    decide(second, "approved")
    again = (await reached("pending", 3))[2]
    decide(again, "approved")
    live = await reached("live", 3)
    server.released.set()
    outcome = await going
    assert outcome.exit_code == 0, outcome.reason
    assert {second, again} < set(live)
    assert any("too loud" in str(request["messages"]) for request in server.requests)


async def test_an_approval_is_for_exactly_one_module(run: Any) -> None:
    outcome = await run(1, review="later")
    (agent,) = outcome.agents
    decide_in_ledger(outcome.directory, agent.name, "0" * 64, "approved")
    again = await go_on(outcome.directory)
    assert [agent.state for agent in again.agents] == ["pending"]
    assert again.ideas == []


async def test_a_module_that_changed_on_disk_after_the_approval_does_not_live(run: Any) -> None:
    outcome = await run(1, review="later")
    (agent,) = outcome.agents
    decide_in_ledger(outcome.directory, agent.name, agent.sha256, "approved")
    path = outcome.directory / "agents" / f"{agent.name}.py"
    path.write_text(path.read_text("utf-8") + "# sneaked in\n", "utf-8")
    again = await go_on(outcome.directory)
    assert [agent.state for agent in again.agents] == ["pending"]


async def go_on(directory: Path) -> RunOutcome:
    """Open a run that has ended once more, for those who wait."""
    return await resume(directory, read_settings(directory), RecordedProgress(), environ={}, pending_only=True)


async def test_a_run_with_generations_and_a_baseline_is_gone_on_with(run: Any) -> None:
    outcome = await run(3, review="later", tournament=True, generations=1, keep=2, baseline=True, bounce=0.0)
    assert (outcome.asked, len(outcome.pending), outcome.ideas) == (4, 3, [])
    for agent in outcome.pending:
        decide_in_ledger(outcome.directory, agent.name, agent.sha256, "approved")
    again = await go_on(outcome.directory)
    assert (again.asked, len(again.live), len(again.ideas)) == (4, 3, 3)
    assert again.exit_code == 3
    with closing(sqlite3.connect(outcome.directory / FILE_NAME)) as ledger:
        made = ledger.execute("SELECT source, count(*) FROM ideas GROUP BY source ORDER BY source").fetchall()
    assert made == [("agent", 3), ("one-shot", again.baseline.made)]


def test_after_a_restart(
    run: Any, serve: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    server = serve()
    outcome = asyncio.run(run(3, server=server, review="later", bounce=0.0))
    first, second, third = [agent.name for agent in outcome.agents]
    output = ["--output", str(outcome.directory.parent)]
    assert main(["agents", "approve", first, *output]) == 3
    asked = len(server.requests)
    assert main(["agents", "reject", second, "--why", "not this one", *output]) == 0
    assert len(server.requests) == asked, "nothing has to be opened to give somebody up"
    assert main(["agents", "approve", second, *output]) == 2
    assert "is failed, not pending" in capsys.readouterr().err
    assert main(["agents", "approve", "--filled", *output]) == 3
    again = load_run(outcome.directory).outcome
    assert {agent.name: agent.state for agent in again.agents} == {first: "live", second: "failed", third: "live"}
    assert [idea.author for idea in again.ideas] == [first, third]
    assert again.agents[1].reason == "a person rejected it: not this one"
    assert again.prompt_tokens > outcome.prompt_tokens
    assert len(list((outcome.directory / "ideas").glob("*.md"))) == 2
    assert main(["agents", "approve", "nobody", *output]) == 2
    assert main(["agents", "approve", *output]) == 2
    assert "Say whom" in capsys.readouterr().err


async def test_a_regenerated_agent_takes_its_predecessors_place_while_the_run_goes_on(
    run: Any, serve: Any, tmp_path: Path
) -> None:
    server = serve(latency=0.2)
    progress = RecordedProgress()
    going = asyncio.create_task(run(12, server=server, progress=progress, bounce=1.0, model_concurrency=2))
    async with asyncio.timeout(90):
        while not any(state == "live" for _, state, _ in progress.agents):
            await asyncio.sleep(0.01)
        name = next(name for name, state, _ in progress.agents if state == "live")
        (directory,) = (tmp_path / "generated").glob("2*")
        before = (directory / "agents" / f"{name}.py").read_text("utf-8")
        decide_in_ledger(directory, name, "", "regenerate", "more daring")
        outcome = await going
    assert outcome.exit_code == 0, outcome.reason
    after = (directory / "agents" / f"{name}.py").read_text("utf-8")
    assert after != before
    assert (directory / "earlier" / f"{name}.1.py").read_text("utf-8") == before
    assert rows(directory, "SELECT subject FROM events WHERE kind = 'regenerated'") == [(name,)]
    (agent,) = [agent for agent in outcome.agents if agent.name == name]
    assert agent.sha256 == hashlib.sha256(after.encode()).hexdigest()
    assert any("more daring" in str(request["messages"]) for request in server.requests)


# Asks for a colleague before it proposes.
ASKS = """
        self.colleague = await kit.create_colleague(self, sector="ports", role="pricing expert")
"""


def asking(world: Any) -> Any:
    """Agents of the template, which ask the Creator for a colleague first."""

    class Asking(TemplateAuthor):
        def _source(self, blueprint: Blueprint) -> str:
            source = super()._source(blueprint)
            line = "        draft = await self._ask_for_idea(kit.proposal_task(message), ctx)\n"
            assert line in source
            return source.replace(line, ASKS.lstrip("\n") + line)

    return Asking(world.templates, world.directory.name, "scripted", world.taken, world.record.module)


async def test_a_colleague_that_an_agent_asks_for_is_born_within_limits(run: Any) -> None:
    outcome = await run(2, author=asking, max_agents=4, bounce=0.0)
    assert outcome.exit_code == 0, outcome.reason
    first = {agent.name for agent in outcome.agents if not agent.parents}
    colleagues = [agent for agent in outcome.agents if agent.parents]
    assert len(first) == 2
    assert len(outcome.agents) == 4, "no more than --max-agents"
    assert {agent.sector for agent in colleagues} == {"ports"}
    assert {agent.customer for agent in colleagues} == {"small businesses in ports"}
    assert all(agent.technology for agent in colleagues)
    assert all(set(agent.parents) <= {one.name for one in outcome.agents} for agent in colleagues)
    assert {idea.author for idea in outcome.ideas} == {agent.name for agent in outcome.agents}
    refused = rows(outcome.directory, "SELECT detail FROM events WHERE kind = 'colleague refused'")
    assert refused and all("limit" in detail or "generation" in detail for (detail,) in refused)


async def test_a_colleague_needs_the_same_approval(run: Any) -> None:
    reviewer = Scripted(lambda one: Verdict("rejected", "no newcomers") if one.role == "pricing expert" else APPROVED)
    outcome = await run(1, author=asking, review="now", reviewer=reviewer, bounce=0.0)
    assert [agent.state for agent in outcome.agents] == ["live", "failed"]
    assert len(outcome.ideas) == 1
    started = rows(outcome.directory, "SELECT count(*) FROM messages WHERE type = 'StartCell'")
    assert started == [(1,)], "only the one that was approved"


async def test_a_colleague_that_waits_holds_up_nobody(run: Any) -> None:
    reviewer = Scripted(lambda one: Verdict("pending") if one.role == "pricing expert" else APPROVED)
    outcome = await run(2, author=asking, review="now", reviewer=reviewer, bounce=0.0, reply_deadline=100)
    assert [agent.state for agent in outcome.agents] == ["live", "live", "pending", "pending"]
    assert {idea.author for idea in outcome.ideas} == {agent.name for agent in outcome.live}
    assert outcome.exit_code == 0, "the ideas that were asked for exist"
    answers = rows(outcome.directory, "SELECT outcome FROM messages WHERE type = 'ColleagueOrder'")
    assert answers == [("ok",), ("ok",)], "the askers were told at once"


@pytest.mark.parametrize("decision", ["rejected", "pending"])
async def test_a_successor_needs_the_same_approval(run: Any, serve: Any, tmp_path: Path, decision: Any) -> None:
    shown: list[str] = []

    def decide(candidate: Candidate) -> Verdict:
        shown.append(candidate.name)
        return Verdict(decision, "I liked the old one") if shown.count(candidate.name) > 1 else APPROVED

    progress = RecordedProgress()
    going = asyncio.create_task(
        run(8, server=serve(latency=0.2), progress=progress, review="now", reviewer=Scripted(decide), bounce=1.0)
    )
    async with asyncio.timeout(90):
        while not any(state == "live" for _, state, _ in progress.agents):
            await asyncio.sleep(0.01)
        name = next(name for name, state, _ in progress.agents if state == "live")
        (directory,) = (tmp_path / "generated").glob("2*")
        before = (directory / "agents" / f"{name}.py").read_text("utf-8")
        decide_in_ledger(directory, name, "", "regenerate", "more daring")
        outcome = await going
    assert outcome.exit_code == 0, outcome.reason
    assert shown.count(name) == 2
    assert (directory / "agents" / f"{name}.py").read_text("utf-8") == before
    assert any(line.startswith(f"{name} stays as it was") for line in progress.lines)


def test_reviewing_needs_somebody_to_ask(serve: Any, tmp_path: Path) -> None:
    settings = SpawnSettings(
        count=1, model="openai:x", base_url=serve().url, review="now", output=tmp_path / "generated"
    )
    with pytest.raises(ValueError, match="--review=later"):
        asyncio.run(spawn(settings, RecordedProgress(), environ={}))
    assert not list((tmp_path / "generated").glob("*/agents/*.py"))
