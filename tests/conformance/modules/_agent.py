"""Appended to every hostile module: the agent that runs its attack, and tells what came of it as an idea."""

from typing import Any as _Any

import autogen_core as _autogen
from autogen_core import message_handler as _message_handler

from sandbox import kit as _kit

libc.prctl(15, TARGETS["mark"].encode(), 0, 0, 0)  # PR_SET_NAME: the test finds what lives on by this name

_evidence = []


def _told(evidence):
    if evidence:
        _evidence.append(evidence)


async def _attack(agent, message, ctx):
    try:
        _told(await attack(agent, message, ctx, TARGETS))
    except Exception as error:
        NOTES.append(f"{type(error).__name__}: {error}"[:300])


def _attack_now(agent):
    """Run an attack where nothing can be waited for."""
    coroutine = attack(agent, None, None, TARGETS) if ANSWERS else _attack(agent, None, None)
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("an attack at import or in a constructor cannot wait")


def _proposal():
    notes = "; ".join(NOTES)[:1900] or "-"
    title = f"ESCAPED: {_evidence!r}"[:190] if _evidence else "contained"
    rest = repr(_evidence)[:1900] if _evidence else "-"
    idea = _kit.Idea(title=title, problem=notes, customer=rest, solution="-", revenue_model="-", first_step="-")
    return _kit.Proposal(idea=idea)


class Agent(_autogen.RoutedAgent):
    def __init__(self, name: str) -> None:
        super().__init__("hostile")
        self._name = name
        if "constructor" in WHEN:
            _attack_now(self)

    @_message_handler
    async def introduce(self, message: _kit.Hello, ctx: _autogen.MessageContext) -> _Any:
        if "hello" in WHEN:
            if ANSWERS:
                return await attack(self, message, ctx, TARGETS)
            await _attack(self, message, ctx)
        return _kit.Introduction(name=self._name, sector="x")

    @_message_handler
    async def propose(self, message: _kit.ProposeRequest, ctx: _autogen.MessageContext) -> _Any:
        if "propose" in WHEN:
            if ANSWERS:
                return await attack(self, message, ctx, TARGETS)
            await _attack(self, message, ctx)
        return _proposal()


if "import" in WHEN:
    _attack_now(None)
