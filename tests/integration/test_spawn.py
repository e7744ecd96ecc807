"""A run from start to finish: real host, real processes, a scripted model."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from creator.authors import TemplateAuthor
from creator.blueprint import Blueprint
from creator.errors import EnvironmentFault
from creator.world import World
from sandbox.protocol import AGENT_NAME
from tests.conftest import RecordedProgress


def every(k: int, kind: str) -> Any:
    """Every k-th call after the first, which is the check, goes wrong."""
    return lambda number, request: kind if number % k == 0 else None


async def test_all_ideas_exist_with_their_files(run: Any) -> None:
    progress = RecordedProgress()
    outcome = await run(6, bounce=1.0, pattern="bounce", progress=progress)
    assert outcome.exit_code == 0, outcome.reason
    assert len(outcome.ideas) == 6
    assert {agent.state for agent in outcome.agents} == {"live"}
    names = {agent.name for agent in outcome.agents}
    assert {path.stem for path in (outcome.directory / "agents").glob("*.py")} == names
    assert {path.stem for path in (outcome.directory / "agents").glob("*.json")} == names
    assert len(list((outcome.directory / "ideas").glob("*.md"))) == 6
    for name in ("run.json", "report.html", "report.md", "ledger.sqlite"):
        assert (outcome.directory / name).is_file()
    assert (outcome.directory.parent / "latest").resolve() == outcome.directory.resolve()
    assert json.loads((outcome.directory / "run.json").read_text("utf-8"))["state"] == "finished"
    assert progress.refinements


async def test_a_refinement_keeps_both_texts_and_never_asks_the_author(run: Any) -> None:
    outcome = await run(5, bounce=1.0, pattern="bounce")
    for idea in outcome.ideas:
        assert idea.contributors, "with a bounce of 1 every idea is refined"
        people = [idea.author, *idea.contributors]
        assert len(set(people)) == len(people), "nobody twice in one chain"
        assert [version.author for version in idea.versions] == people
        texts = [version.idea.title for version in idea.versions]
        assert len(set(texts)) == len(texts), "each text is kept as it was written"


async def test_what_the_host_counted_is_on_record(run: Any) -> None:
    outcome = await run(3, bounce=1.0, pattern="bounce")
    with closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as ledger:
        (detail,) = ledger.execute("SELECT detail FROM events WHERE kind = 'host'").fetchone()
        (messages,) = ledger.execute("SELECT count(*) FROM messages").fetchone()
    counters = json.loads(detail)
    assert counters["ended"] == counters["delivered"] == messages
    assert (counters["pending"], counters["refused"]) == (0, {})


@pytest.mark.parametrize("limit", [0, 1, 3])
async def test_agents_that_always_bounce_end_at_the_hop_limit(run: Any, limit: int) -> None:
    outcome = await run(6, bounce=1.0, pattern="bounce", hop_limit=limit)
    assert outcome.exit_code == 0
    assert {len(idea.contributors) for idea in outcome.ideas} == {limit}


async def test_nobody_shares_when_the_bounce_is_zero(run: Any) -> None:
    outcome = await run(3, bounce=0.0)
    assert [idea.contributors for idea in outcome.ideas] == [[], [], []]


async def test_a_single_agent_has_no_colleague(run: Any) -> None:
    outcome = await run(1, bounce=1.0)
    assert outcome.exit_code == 0
    assert outcome.ideas[0].contributors == []


@pytest.mark.parametrize("kind", ["fenced", "prose"])
async def test_text_around_the_json_does_no_harm(run: Any, kind: str) -> None:
    outcome = await run(3, fault=lambda number, request: kind)
    assert outcome.exit_code == 0, outcome.reason


@pytest.mark.parametrize("kind", ["truncated", "empty", "nonsense", "500", "429"])
async def test_every_third_call_going_wrong_costs_no_idea(run: Any, kind: str) -> None:
    outcome = await run(4, fault=every(3, kind))
    assert outcome.exit_code == 0, outcome.reason
    assert len(outcome.ideas) == 4


async def test_retries_and_tokens_are_accounted_to_each_agent(run: Any) -> None:
    outcome = await run(3, fault=every(3, "429"))
    assert all(agent.prompt_tokens > 0 and agent.completion_tokens > 0 for agent in outcome.agents)
    with sqlite3.connect(outcome.directory / "ledger.sqlite") as ledger:
        total, retries = ledger.execute("SELECT sum(prompt_tokens), sum(retries) FROM calls").fetchone()
        assert total == outcome.prompt_tokens
        assert retries > 0
    ledger.close()


async def test_the_creators_prompts_do_not_grow(run: Any) -> None:
    def creator_characters(outcome: Any) -> int:
        ledger = sqlite3.connect(outcome.directory / "ledger.sqlite")
        found = ledger.execute("SELECT sum(prompt_characters) FROM calls WHERE agent = 'creator'").fetchone()[0]
        ledger.close()
        return int(found)

    one, twelve = await run(1), await run(12)
    assert creator_characters(twelve) <= 1.1 * 12 * creator_characters(one)


async def test_a_call_that_hangs_is_tried_again(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = await run(3, fault=lambda number, request: "hang" if number == 4 else None, model_timeout=1)
    assert outcome.exit_code == 0, outcome.reason


async def test_the_deadline_ends_a_run_with_a_model_that_hangs(run: Any) -> None:
    outcome = await run(2, fault=lambda number, request: "hang" if number > 1 else None, deadline=2)
    assert outcome.exit_code == 3
    assert outcome.limit == "the deadline of 2 s is reached (--deadline)"


@pytest.mark.parametrize(
    ("kind", "hint"), [("401", "key"), ("404", "model's name"), ("500", "Try again"), ("hang", "server")]
)
async def test_a_model_that_cannot_be_used_stops_before_anything_is_spawned(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, hint: str
) -> None:
    monkeypatch.setattr("creator.models.client_backend.CHECK_SECONDS", 0.5)
    monkeypatch.setattr("creator.models.client_backend.CHECK_TRIES", 2)
    with pytest.raises(EnvironmentFault, match=hint) as caught:
        await run(2, fault=lambda number, request: kind)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "generated").glob("2*")), "no empty run is left"


async def test_no_server_at_all(run: Any, serve: Any) -> None:
    server = serve()
    server.stop()
    with pytest.raises(EnvironmentFault, match="does not answer"):
        await run(1, server=server)


HANDMADE = """
import asyncio, os
from autogen_core import MessageContext, RoutedAgent, message_handler
from sandbox import kit
{top}

class Agent(RoutedAgent):
    def __init__(self, name: str) -> None:
        super().__init__("handmade")
        self._name = name
        {constructor}

    @message_handler
    async def introduce(self, message: kit.Hello, ctx: MessageContext) -> kit.Introduction:
        {introduce}
        return kit.Introduction(name=self._name, sector="x")

    @message_handler
    async def propose(self, message: kit.ProposeRequest, ctx: MessageContext) -> kit.Proposal:
        {propose}
"""

HARMLESS = {"top": "", "constructor": "pass", "introduce": "pass", "propose": "await asyncio.sleep(600)"}


def sabotage(**parts: str) -> Any:
    """An author that writes a hand-made module for the first brief, past the policy, and templates for the others."""

    class Saboteur(TemplateAuthor):
        victim: Any = None

        def _source(self, blueprint: Blueprint) -> str:
            Saboteur.victim = Saboteur.victim or blueprint.brief
            if blueprint.brief == Saboteur.victim:
                return HANDMADE.format(**{**HARMLESS, **parts})
            return super()._source(blueprint)

        def _check(self, source: str, name: str) -> None: ...

    def make(world: World) -> TemplateAuthor:
        return Saboteur(world.templates, world.directory.name, "scripted", world.taken, world.record.module)

    return make


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"constructor": "raise KeyError()"}, "KeyError"),
        ({"top": "raise SystemError('no import')"}, "no import"),
        ({"top": "while True: pass"}, "not registered within 2 s"),
        ({"top": "os._exit(7)"}, "exit code 7"),
        ({"introduce": "await asyncio.sleep(600)"}, "Hello"),
        ({"introduce": "os._exit(9)"}, "exit code 9"),
        ({"propose": "os._exit(3)"}, "exit code 3"),
        ({"propose": "raise TimeoutError()"}, "TimeoutError"),
        ({"propose": "return None"}, "raised"),
        ({"propose": "await asyncio.sleep(600)"}, "did not answer"),
    ],
)
async def test_a_bad_module_harms_nobody_else(run: Any, parts: dict[str, str], reason: str) -> None:
    outcome = await run(4, author=sabotage(**parts), birth_deadline=2, reply_deadline=6)
    assert outcome.exit_code == 3, outcome.reason
    assert len(outcome.ideas) == 3
    failed = [agent for agent in outcome.agents if agent.state == "failed"]
    assert len(failed) == 1
    assert reason in failed[0].reason
    assert failed[0].name in outcome.reason


@pytest.mark.parametrize(
    ("propose", "reason"),
    [
        ("while True: pass", "unresponsive for 5 s"),
        (
            "hoard = [b'x' * (1 << 20) for _ in range(400)]; await asyncio.sleep(600)",
            "over its memory limit of 256 MiB",
        ),
    ],
)
async def test_an_agent_that_spoils_its_cell_is_ended_long_before_its_deadline(
    run: Any, propose: str, reason: str
) -> None:
    async with asyncio.timeout(60):
        outcome = await run(3, author=sabotage(propose=propose), bounce=0.0)
    assert len(outcome.ideas) == 2
    (failed,) = [agent for agent in outcome.agents if agent.state == "failed"]
    assert failed.reason == f"its process ended: {reason}"


async def test_a_slow_birth_is_not_taken_for_an_unresponsive_cell(run: Any) -> None:
    slow = sabotage(top="__import__('time').sleep(7)", propose="raise KeyError()")
    outcome = await run(2, author=slow, birth_deadline=40, bounce=0.0)
    assert [agent.attempts for agent in outcome.agents] == [1, 1]
    assert sorted(agent.reason for agent in outcome.agents) == ["", "it raised KeyError"]


@pytest.mark.parametrize(
    "persona",
    [
        "class",
        "../escape",
        "json",
        "agent.v2",
        "agent-x",
        "🦊",
        "x" * 300,
        "creator",
        "model_gateway",
        "con",
        "\0",
        "é",
    ],
)
async def test_any_persona_becomes_a_safe_distinct_name(run: Any, persona: str) -> None:
    slots = {
        "persona": persona,
        "sector": "x",
        "interests": ["y"],
        "traits": ["z"],
        "weaknesses": ["w"],
        "goal": "g",
        "voice": "v",
        "temperature": 0.5,
        "shares_ideas": 0.5,
        "shares_with": "random",
        "pattern": "bounce",
    }

    def same_for_all(number: int, request: dict[str, Any]) -> str | None:
        return json.dumps(slots) if "persona" in json.dumps(request.get("response_format", {})) else None

    outcome = await run(3, fault=same_for_all)
    assert outcome.exit_code == 0, outcome.reason
    names = [agent.name for agent in outcome.agents]
    assert len(set(names)) == 3
    for name in names:
        assert AGENT_NAME.fullmatch(name)
        assert (outcome.directory / "agents" / f"{name}.py").is_file()


async def test_runs_never_touch_each_other(run: Any) -> None:
    first = await run(2)
    before = {path: path.read_bytes() for path in first.directory.rglob("*") if path.is_file()}
    second, third = await asyncio.gather(run(2), run(2))
    assert len({first.directory, second.directory, third.directory}) == 3
    assert {outcome.exit_code for outcome in (first, second, third)} == {0}
    assert {path: path.read_bytes() for path in before} == before


async def test_nothing_is_left_behind(run: Any, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", None)
    await run(2)
    assert supervisors_of(os.getpid()) == []


def supervisors_of(pid: int) -> list[int]:
    """Children of a process that run the supervisor."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(status[1]) == pid and b"sandbox.supervisor" in command:
                found.append(int(entry.name))
    return found


async def test_the_same_seed_gives_the_same_population(run: Any) -> None:
    first, second = await run(5, seed=11), await run(5, seed=11)
    assert sorted(agent.sector for agent in first.agents) == sorted(agent.sector for agent in second.agents)


async def test_more_agents_than_the_model_can_serve_just_take_turns(run: Any, serve: Any) -> None:
    server = serve(latency=0.05)
    outcome = await run(12, server=server, model_concurrency=2, reply_deadline=3, bounce=0.0)
    assert outcome.exit_code == 0, outcome.reason
    assert server.most_active <= 2
