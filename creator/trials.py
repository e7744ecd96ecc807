"""Trials: a module is started in a throw-away cell and put through everything that a colleague may ask of it.

Its language model is scripted and costs nothing, so a trial tells of the code alone.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Final

from autogen_core import MessageContext, RoutedAgent, message_handler

from creator.cells import MAX_REASON, Cells, StartFailed
from creator.errors import BirthFailed
from creator.isolation.base import TRIALS_AT_ONCE
from creator.modules import write_module
from creator.text import clean
from sandbox.errors import NO_HANDLER, HandlerFailed, MessagingError
from sandbox.protocol import (
    Idea,
    Message,
    ModelReply,
    ModelRequest,
    Opinion,
    OpinionRequest,
    Proposal,
    ProposeRequest,
    Refinement,
    RefineRequest,
    Surprise,
    Text,
)
from sandbox.runtime import HardenedRuntime

ANSWER_SECONDS: Final = 15.0
"""How long an agent on trial may take for one answer; its model answers at once."""

SAMPLE_IDEA: Final = Idea(
    title="Quiet hours for ports",
    problem="Small ports pay night shifts that have nothing to unload.",
    customer="Harbour masters of small ports",
    solution="An agent that foresees arrivals and plans the shifts a week ahead.",
    why_now="Arrivals are announced in open data by now.",
    revenue_model="A monthly subscription for each port.",
    cost_to_try="Two weeks of one person.",
    first_step="Compare last month's shifts with the arrivals of one port.",
    risks="Crews may not want to plan a week ahead.",
)
SAMPLE_TEXT: Final = "Ask the customer first: one week of interviews tells whether anyone would pay."


class TrialPeer(RoutedAgent):
    """The only colleague of agents on trial."""

    def __init__(self) -> None:
        super().__init__("Answers agents that are being tried.")

    @message_handler
    async def refine(self, message: RefineRequest, ctx: MessageContext) -> Refinement:
        """A refinement that is a little different."""
        return Refinement(idea=message.idea.model_copy(update={"first_step": SAMPLE_IDEA.first_step}))

    @message_handler
    async def opinion(self, message: OpinionRequest, ctx: MessageContext) -> Opinion:
        """An opinion."""
        return scripted_opinion(message)

    @message_handler
    async def answer(self, message: Text, ctx: MessageContext) -> Text:
        """A text."""
        return Text(content=SAMPLE_TEXT)


def scripted_opinion(request: OpinionRequest) -> Opinion:
    """What an agent on trial is told of an idea."""
    return Opinion(content=SAMPLE_TEXT, verdict="revise" if request.kind == "verdict" else None)


def scripted_reply(request: ModelRequest) -> ModelReply:
    """What the language model of an agent on trial says."""
    content = SAMPLE_TEXT if request.json_schema is None else SAMPLE_IDEA.model_dump_json()
    return ModelReply(content=content, prompt_tokens=0, completion_tokens=0)


class Trials:
    """Tries modules.

    Args:
        directory: Where the sandbox reads modules.
        cells: Starts and ends their cells.
        trusted: The trusted side's runtime.
        objective: What they are asked to propose for.
    """

    def __init__(self, directory: Path, cells: Cells, trusted: HardenedRuntime, objective: str) -> None:
        self.names: set[str] = set()
        """Who is on trial at this moment."""
        self._directory = directory
        self._cells = cells
        self._trusted = trusted
        self._objective = objective
        self._numbers = itertools.count(1)
        self._places = asyncio.Semaphore(TRIALS_AT_ONCE)

    async def run(self, source: str) -> None:
        """Put a module that passed the policy through all of it.

        Raises:
            BirthFailed: It failed; the text says exactly where, in one line.
        """
        async with self._places:
            await self._run(source)

    async def _run(self, source: str) -> None:
        number = next(self._numbers)
        name = f"trial_{number}"
        self.names.add(name)
        try:
            digest = write_module(self._directory, name, source)
            await self._cells.start(name, digest, seed=number, bounce=1.0, alone=True)
            await self._exercise(name)
        except StartFailed as failure:
            raise BirthFailed(_located(failure.reason, failure.traceback, name, source)) from None
        finally:
            await self._cells.end(name)
            (self._directory / f"{name}.py").unlink(missing_ok=True)
            self.names.discard(name)

    async def _exercise(self, name: str) -> None:
        idea = SAMPLE_IDEA
        await self._ask(name, ProposeRequest(objective=self._objective), Proposal, "to propose an idea")
        await self._ask(
            name, RefineRequest(objective=self._objective, idea=idea), Refinement, "to refine a colleague's idea"
        )
        await self._ask(
            name,
            OpinionRequest(objective=self._objective, idea=idea, kind="critique"),
            Opinion,
            "for an opinion",
            may_refuse=True,
        )
        await self._ask(name, Text(content="What do you work on?"), Text, "a question", may_refuse=True)
        await self._ask(name, Surprise(), None, "something that it has no handler for", may_refuse=True)
        await self._told(name, self._cells.greet(name), "after a message that it has no handler for")

    async def _ask(
        self, name: str, message: Message, answer: type[Message] | None, what: str, *, may_refuse: bool = False
    ) -> None:
        request = self._trusted.request(message, name, timeout=ANSWER_SECONDS)
        got = await self._told(name, request, f"when it was asked {what}", may_refuse=may_refuse)
        if got is not None and answer is not None and not isinstance(got, answer):
            raise StartFailed(f"it answered with {type(got).__name__!r} when it was asked {what}")

    async def _told(self, name: str, request: Awaitable[Any], when: str, *, may_refuse: bool = False) -> Any:
        try:
            return await request
        except MessagingError as error:
            if may_refuse and isinstance(error, HandlerFailed) and error.type_name == NO_HANDLER:
                return None
            reason = await self._cells.reason_of(name, error)
            raise StartFailed(f"{reason} {when}", getattr(error, "traceback", "")) from None


def _located(reason: str, traceback: str, name: str, source: str) -> str:
    """A reason with the line of the module that it comes from, where the traceback tells it."""
    found = re.findall(rf'{name}\.py", line (\d{{1,6}})', traceback)
    lines = source.splitlines()
    number = int(found[-1]) if found else 0
    if not 0 < number <= len(lines):
        return reason.replace(name, "the agent")
    return clean(f"{reason} (line {number}: {lines[number - 1].strip()[:160]})", MAX_REASON).replace(name, "the agent")
