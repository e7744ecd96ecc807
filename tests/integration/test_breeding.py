"""Offspring in a run: born of what their parents were, alive under names of their own, and nobody's copy."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest

from creator.breeding.heritage import Heritage
from creator.breeding.offspring import breed
from creator.briefs import brief_data, draw_briefs
from creator.modules import load_agent
from creator.templates.rendering import load_template
from creator.wishes import Wish
from creator.world import World
from tests.conftest import RecordedProgress
from tests.scripted_server import MODULE_WANTED
from tests.unit.families import founder

TEMPLATES = {"idea_agent": load_template("idea_agent")}
CODE: dict[str, Any] = {"author": "code", "sandbox": "bubblewrap"}


@pytest.fixture
def wish_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[Wish]], None]:
    """Lets the next runs begin with these agents."""

    def set_wishes(wishes: Sequence[Wish]) -> None:
        def first_wishes(world: World) -> list[Wish]:
            world.taken |= {wish.draft.blueprint.name for wish in wishes if wish.draft is not None}
            return list(wishes)

        monkeypatch.setattr(World, "_first_wishes", first_wishes)

    return set_wishes


class UntilLive(RecordedProgress):
    """Tells another thread when somebody is live."""

    def __init__(self) -> None:
        super().__init__()
        self.live = threading.Event()

    def agent(self, name: str, state: str, reason: str = "") -> None:
        super().agent(name, state, reason)
        if state == "live":
            self.live.set()


def refusals(outcome: Any) -> list[tuple[int, str]]:
    """Number of the birth and reason, for each agent that was too much like another."""
    with closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as ledger:
        return ledger.execute("SELECT attempt, finding FROM attempts WHERE stage = 'novelty' ORDER BY id").fetchall()


@pytest.mark.parametrize("options", [{}, CODE], ids=["fill", "code"])
async def test_offspring_live_beside_their_parents(
    run: Any, wish_for: Any, serve: Any, options: dict[str, Any]
) -> None:
    server = serve()  # the same for both runs: it gives no name twice
    first = await run(2, server=server, bounce=0.0, **options)
    parents = [load_agent(first.directory / "agents", agent.name) for agent in first.agents]
    blueprints = [one.blueprint for one in parents]
    sources = {one.blueprint.name: one.source for one in parents}
    offspring = breed(
        blueprints,
        3,
        numbers=itertools.count(3),
        data=brief_data(),
        generation=1,
        living=blueprints,
        templates=TEMPLATES,
        seed=1,
        read_source=sources.__getitem__,
    )
    kept = [Wish(number, one.blueprint.brief, "idea_agent", (), one) for number, one in enumerate(parents, 1)]
    wish_for([*kept, *offspring])
    outcome = await run(5, server=server, bounce=0.0, **options)
    assert outcome.exit_code == 0, outcome.reason
    children = outcome.agents[2:]
    assert [agent.generation for agent in children] == [1, 1, 1]
    for agent, wish in zip(children, offspring, strict=True):
        assert agent.parents == list(wish.parents) and len(set(agent.parents)) == 2
        child = load_agent(outcome.directory / "agents", agent.name)
        assert child.blueprint.author == options.get("author", "fill")
        for parent in blueprints:
            assert parent.persona not in child.source
    assert len({agent.name for agent in outcome.agents}) == 5
    assert refusals(outcome) == []


async def test_a_copy_of_a_sibling_is_written_anew_until_it_is_none(run: Any, wish_for: Any) -> None:
    brief, other = draw_briefs(2, seed=3)
    slots = {slot: value for slot, value in founder(brief).slots.items() if slot != "persona"}
    twin = brief.model_copy(update={"persona": other.persona})
    wish_for(
        [Wish(n, one, "idea_agent", generation=1, heritage=Heritage(slots)) for n, one in enumerate((brief, twin), 1)]
    )
    outcome = await run(2, bounce=0.0)
    assert outcome.exit_code == 0, outcome.reason
    attempts, reasons = zip(*refusals(outcome), strict=True)
    assert attempts in [(1,), (1, 2)]
    assert all(reason.startswith("too much like ") for reason in reasons)
    first, second = (load_agent(outcome.directory / "agents", agent.name).blueprint for agent in outcome.agents)
    assert first.slots["goal"] != second.slots["goal"] or first.slots["traits"] != second.slots["traits"]
    assert sorted((first.attempt, second.attempt)) == [1, len(attempts) + 1]


async def test_code_that_only_says_something_else_is_written_anew(run: Any, wish_for: Any, serve: Any) -> None:
    first = await run(1, bounce=0.0, **CODE)
    parent = load_agent(first.directory / "agents", first.agents[0].name)
    retold = parent.source.replace("Develops ideas", "Thinks up ideas")
    assert retold != parent.source
    asked: list[str] = []
    progress = UntilLive()

    def copies_once(number: int, request: dict[str, Any]) -> str | None:
        if MODULE_WANTED not in str(request["messages"]):
            return None
        asked.append(str(request["messages"][-1]["content"]))
        assert progress.live.wait(20), "its parent never came to life"
        return f"```python\n{retold}```" if len(asked) == 1 else None

    (offspring,) = breed(
        [parent.blueprint],
        1,
        numbers=itertools.count(2),
        data=brief_data(),
        generation=1,
        living=[parent.blueprint],
        templates=TEMPLATES,
        seed=1,
        read_source=lambda name: parent.source,
    )
    wish_for([Wish(1, parent.blueprint.brief, "idea_agent", (), parent), offspring])
    outcome = await run(2, server=serve(fault=copies_once), bounce=0.0, progress=progress, **CODE)
    assert outcome.exit_code == 0, outcome.reason
    assert len(asked) == 2
    assert "too much like" in asked[1] and "Parent 1:" in asked[1]
    ((attempt, reason),) = refusals(outcome)
    assert attempt == 1 and parent.blueprint.name in reason


async def test_founders_and_colleagues_may_be_alike(run: Any, wish_for: Any) -> None:
    brief = draw_briefs(1, seed=3)[0]
    wish_for([Wish(number, brief, "idea_agent", asked_by="user") for number in (1, 2)])
    outcome = await run(2, bounce=0.0)
    assert outcome.exit_code == 0, outcome.reason
    assert refusals(outcome) == []
