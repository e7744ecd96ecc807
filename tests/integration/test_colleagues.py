"""A population that grows while it works: agents and people ask the Creator for more, within limits."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from creator.authors import TemplateAuthor
from creator.blueprint import Blueprint
from creator.cli import main
from creator.ledger.store import FILE_NAME
from creator.outcome import RunOutcome
from creator.world import World
from tests.conftest import RecordedProgress
from tests.scripted_server import ScriptedServer


def events(directory: Path, kind: str) -> list[tuple[str, dict[str, Any]]]:
    with closing(sqlite3.connect(directory / FILE_NAME)) as ledger:
        rows = ledger.execute("SELECT subject, detail FROM events WHERE kind = ? ORDER BY id", (kind,)).fetchall()
    return [(subject, json.loads(detail)) for subject, detail in rows]


def reasons(outcome: RunOutcome) -> list[str]:
    return [detail["reason"] for _, detail in events(outcome.directory, "colleague refused")]


def founders(times: int) -> Callable[[Any], TemplateAuthor]:
    """Founders that always hire before they propose, so many times, and say why they were refused in their idea."""
    hire = f"""\
        self._reasons = ""
        for _ in range({times}):
            answer = await kit.ask_for_colleague(self, sector=SECTOR, role=MISSING_ROLE, topic=TOPIC)
            self._reasons += answer.reason + ";" if answer.name is None else ""
        newcomer = None
"""

    class Hiring(TemplateAuthor):
        def _source(self, blueprint: Blueprint) -> str:
            source = super()._source(blueprint)
            for old, new in {
                "        newcomer = await self._maybe_hire()\n": hire,
                "        return kit.Proposal(idea=idea)\n": (
                    '        return kit.Proposal(idea=idea.model_copy(update={"risks": self._reasons}))\n'
                ),
            }.items():
                assert old in source
                source = source.replace(old, new)
            return source

    return lambda world: Hiring(world.templates, world.directory.name, "scripted", world.taken, world.record.module)


async def test_a_founder_gets_a_colleague_that_is_its_child_and_has_an_idea_of_its_own(run: Any) -> None:
    outcome = await run(1, template=["founder_agent"], author=founders(1), max_depth=1, bounce=0.0)
    assert outcome.exit_code == 0, outcome.reason
    founder, colleague = outcome.agents
    assert (founder.asked_by, colleague.asked_by, colleague.parents) == ("", founder.name, [founder.name])
    assert {idea.author for idea in outcome.ideas} == {founder.name, colleague.name}
    assert [asker for asker, _ in events(outcome.directory, "colleague ordered")] == [founder.name]


@pytest.mark.parametrize(
    ("options", "agents", "reason"),
    [
        ({"max_agents": 2}, 2, "the limit of 2 agents in this run is reached (--max-agents)"),
        (
            {"colleagues_each": 1, "max_depth": 1, "max_agents": 9},
            2,
            "the limit of 1 colleague for each agent is reached (--colleagues-each)",
        ),
        ({"max_depth": 0, "max_agents": 9}, 1, "the limit of 0 generations of colleagues is reached (--max-depth)"),
        ({"max_depth": 1, "max_agents": 9}, 3, "the limit of 1 generation of colleagues is reached (--max-depth)"),
    ],
)
async def test_at_each_limit_the_asker_learns_the_reason_and_so_does_the_ledger(
    run: Any, options: dict[str, int], agents: int, reason: str
) -> None:
    outcome = await run(1, template=["founder_agent"], author=founders(2), bounce=0.0, **options)
    assert outcome.exit_code == 0, outcome.reason
    assert len(outcome.agents) == agents
    assert reason in reasons(outcome)
    assert any(reason in idea.final.risks for idea in outcome.ideas), "the agent could read it"


async def test_an_agent_that_has_spent_its_budget_gets_no_colleague(run: Any) -> None:
    def after_the_idea(world: Any) -> TemplateAuthor:
        """Founders whose hiring comes after their idea, which costs tokens."""

        class Late(TemplateAuthor):
            def _source(self, blueprint: Blueprint) -> str:
                lines = super()._source(blueprint).splitlines(keepends=True)
                place = next(n for n, line in enumerate(lines) if "newcomer = await self._maybe_hire()" in line)
                lines[place], lines[place + 1] = lines[place + 1], lines[place]
                return "".join(lines).replace("if not kit.chance(HIRES, sharing=False):", "if False:")

        return Late(world.templates, world.directory.name, "scripted", world.taken, world.record.module)

    outcome = await run(1, template=["founder_agent"], author=after_the_idea, colleague_tokens=1, bounce=0.0)
    (agent,) = outcome.agents
    spent = agent.prompt_tokens + agent.completion_tokens
    assert reasons(outcome) == [
        f"the limit of 1 token for whoever asks is passed, {spent:,} are spent (--colleague-tokens)"
    ]
    assert outcome.exit_code == 0, outcome.reason


# ---- people


class Held:
    """A run that a scripted model holds open: what the calls with a word in them ask for comes once it is let go.

    Args:
        run: The fixture.
        serve: The fixture.
        output: Where the runs are.
        word: Of the prompts that wait.
    """

    def __init__(self, run: Any, serve: Any, output: Path, word: str = "Propose one idea", **options: Any) -> None:
        def until_let_go(number: int, request: dict[str, Any]) -> str | None:
            return "hang" if word in str(request["messages"]) and not self.server.released.is_set() else None

        self.server: ScriptedServer = serve(fault=until_let_go)
        self.progress = RecordedProgress()
        self.output = output
        given = {"model_timeout": 3, "reply_deadline": 120, "bounce": 0.0, "template": ["idea_agent"], **options}
        self.task = asyncio.create_task(run(server=self.server, progress=self.progress, **given))

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.01)
                assert not self.task.done(), self.task.result().reason

    def came_to(self, state: str) -> list[str]:
        return [name for name, one, _ in self.progress.agents if one == state]

    async def add(self, *arguments: str) -> int:
        return await asyncio.to_thread(main, ["agents", "add", *arguments, "--output", str(self.output)])

    async def let_go(self) -> RunOutcome:
        self.server.released.set()
        outcome: RunOutcome = await self.task
        return outcome


async def test_a_person_adds_an_agent_while_the_run_goes_on(
    run: Any, serve: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = Held(run, serve, tmp_path / "generated", count=1, max_agents=2, max_depth=0)
    await held.until(lambda: held.came_to("live"))
    assert await held.add("latest", "a pricing expert for clinics") == 0
    await held.until(lambda: len(held.came_to("live")) == 2)
    assert await held.add("latest", "a nurse for villages") == 0
    refusal = "not added: nurse, villages: the limit of 2 agents in this run is reached (--max-agents)"
    await held.until(lambda: refusal in held.progress.lines)
    outcome = await held.let_go()
    assert outcome.exit_code == 0, outcome.reason
    first, added = outcome.agents
    assert (added.sector, added.role, added.asked_by, added.parents) == ("clinics", "pricing expert", "user", [])
    assert {idea.author for idea in outcome.ideas} == {first.name, added.name}
    ((asker, detail),) = events(outcome.directory, "colleague refused")
    assert (asker, detail["role"]) == ("user", "nurse")
    capsys.readouterr()
    assert main(["agents", "tree", "--output", str(tmp_path / "generated")]) == 0
    assert f"└── {added.name}  clinics, live, added by the user" in capsys.readouterr().out
    assert await held.add("latest", "another one") == 2
    assert "has ended" in capsys.readouterr().err


async def test_whoever_was_asked_for_before_the_end_is_born_before_it(
    run: Any, serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("creator.society.LOOK_SECONDS", 600)  # nobody looks before everybody else is done
    held = Held(run, serve, tmp_path / "generated", count=1)
    await held.until(lambda: held.came_to("live"))
    assert await held.add("latest", "a pricing expert for clinics") == 0
    outcome = await held.let_go()
    assert [agent.sector for agent in outcome.live][1:] == ["clinics"]
    assert len(outcome.ideas) == 2


async def test_whoever_is_asked_for_while_judges_compare_takes_part_too(run: Any, serve: Any, tmp_path: Path) -> None:
    held = Held(run, serve, tmp_path / "generated", "You compare two ideas", count=2, tournament=True)
    await held.until(lambda: "judging" in held.progress.lines)
    assert await held.add("latest", "a pricing expert for clinics") == 0
    await held.until(lambda: len(held.came_to("live")) == 3)
    outcome = await held.let_go()
    assert outcome.exit_code == 0, outcome.reason
    assert outcome.ranking is not None
    assert sorted(place.number for place in outcome.ranking.places) == [1, 2, 3]
    assert all(place.comparisons for place in outcome.ranking.places)


async def test_whoever_is_asked_for_too_late_is_refused_aloud(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    until_the_end = World._first_of

    async def and_then_asked(world: World, *work: Any) -> None:
        await until_the_end(world, *work)
        world.record.ledger.record_wish("clinics", "pricing expert")

    monkeypatch.setattr(World, "_first_of", and_then_asked)
    progress = RecordedProgress()
    outcome = await run(1, progress=progress)
    assert outcome.exit_code == 0, outcome.reason
    assert "not added: pricing expert, clinics: the run is ending" in progress.lines
    assert reasons(outcome) == ["the run is ending"]
    assert len(outcome.agents) == 1


async def test_an_added_agent_needs_the_same_approval(run: Any, serve: Any, tmp_path: Path) -> None:
    held = Held(run, serve, tmp_path / "generated", "Sector: ", count=1, review="later")
    await held.until(lambda: any("Sector: " in str(request["messages"]) for request in held.server.requests))
    assert await held.add("latest", "a pricing expert for clinics") == 0
    outcome = await held.let_go()
    assert {agent.state for agent in outcome.agents} == {"pending"}
    assert [agent.sector for agent in outcome.agents if agent.asked_by == "user"] == ["clinics"]
    with closing(sqlite3.connect(outcome.directory / FILE_NAME)) as ledger:
        started = ledger.execute("SELECT count(*) FROM messages WHERE type = 'StartCell'").fetchone()
    assert started == (0,)
