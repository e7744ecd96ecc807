"""Trials: what a module has to stand before it may live, in a real cell with a scripted model."""

from __future__ import annotations

import pytest

from creator.settings import SpawnSettings
from creator.templates.rendering import load_template
from creator.visits import try_modules
from tests.unit.test_rendering import blueprint

TEMPLATE = load_template("idea_agent")

MODULE = """
import asyncio, os
from autogen_core import MessageContext, RoutedAgent, message_handler
from sandbox import kit
{top}
IDEA = kit.Idea(title="t", problem="p", customer="c", solution="s", revenue_model="r", first_step="f")

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
        return kit.Proposal(idea=IDEA)

    @message_handler
    async def refine(self, message: kit.RefineRequest, ctx: MessageContext) -> kit.Refinement:
        {refine}
        return kit.Refinement(idea=message.idea)

    {more}
"""
PARTS = ("top", "constructor", "introduce", "propose", "refine", "more")

# Nobody has to have opinions, but who has must be able to say them.
SPEECHLESS = """
    @message_handler
    async def opine(self, message: kit.OpinionRequest, ctx: MessageContext) -> kit.Opinion:
        return kit.Opinion(content={}[message.kind])
"""

# Meets the trials' own colleague, which changes one part of the idea.
SHARES = """
        colleague = await kit.find_colleague(self)
        better = await kit.share(self, colleague, kit.RefineRequest(objective="o", idea=IDEA), ctx)
        assert better is not None and better.idea.first_step != IDEA.first_step
"""


def handmade(**parts: str) -> str:
    return MODULE.format(**{part: parts.get(part, "pass") for part in PARTS})


BROKEN: dict[str, tuple[dict[str, str], str]] = {
    "import": ({"top": "raise SystemError('no import')"}, "no import (line"),
    "constructor": ({"constructor": "raise KeyError('x')"}, "KeyError: 'x' (line"),
    "introduce": ({"introduce": "return None"}, "Return type"),
    "propose": (
        {"propose": "return [][1]"},
        "IndexError: list index out of range when it was asked to propose an idea",
    ),
    "wrong type": ({"propose": "return kit.Text(content='x')"}, "Return type"),
    "silent": ({"refine": "return None"}, "Return type"),
    "hangs": ({"refine": "await asyncio.sleep(600)"}, "did not answer"),
    "opinion": ({"more": SPEECHLESS}, "KeyError: 'critique' when it was asked for an opinion"),
    "dies": ({"propose": "os._exit(3)"}, "exit code 3"),
}


@pytest.mark.parametrize("sandbox", ["process", "bubblewrap"])
async def test_modules_pass_or_fail_with_the_exact_reason(sandbox: str) -> None:
    modules = {
        "good": TEMPLATE.render(blueprint(TEMPLATE)),
        "handmade": handmade(),
        "shares": handmade(propose=SHARES),
    }
    modules |= {name: handmade(**parts) for name, (parts, _) in BROKEN.items()}
    settings = SpawnSettings(count=4, sandbox=sandbox, unsafe=True, birth_deadline=10)
    found = await try_modules(settings, modules)
    assert (found["good"], found["handmade"], found["shares"]) == ("", "", "")
    for name, (_, reason) in BROKEN.items():
        assert reason in found[name], name
        assert "\n" not in found[name] and "trial_" not in found[name]
    assert found["propose"].endswith("return [][1])"), "the line that raised is named"


async def test_a_trial_shares_no_cell_however_agents_are_packed() -> None:
    settings = SpawnSettings(count=8, sandbox="bubblewrap", agents_per_cell=8, birth_deadline=10)
    modules = {"dies": handmade(propose="os._exit(3)")} | {f"good {number}": handmade() for number in range(6)}
    found = await try_modules(settings, modules)
    assert "exit code 3" in found.pop("dies")
    assert set(found.values()) == {""}
