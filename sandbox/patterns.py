"""How an agent works on an idea with others: the five patterns of `sandbox.protocol.Pattern`.

Whatever fails on the way costs its own part and nothing else: in the end there is always the author's draft.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from autogen_core import MessageContext, RoutedAgent

from sandbox.colleagues import Choice, ask_opinion, chance, find_colleague, settings, share
from sandbox.errors import MessagingError
from sandbox.model_client import revising
from sandbox.protocol import JUDGE, Idea, Opinion, OpinionRequest, Pattern, ProposeRequest, RefineRequest
from sandbox.tasks import answer_task, merge_task, part_label

PANEL: Final = 3
"""Colleagues that a panel has, if there are so many."""
MAX_ADVICE: Final = 1_500
"""Characters of what others said, as a small model is told of it."""


async def develop(
    agent: RoutedAgent,
    draft: Idea,
    message: ProposeRequest,
    ctx: MessageContext,
    *,
    write: Callable[[str, MessageContext], Awaitable[Idea]],
    pattern: Pattern,
    probability: float,
    choose: Choice = "random",
    skill: str | None = None,
    first: str | None = None,
) -> Idea:
    """Work on a draft with colleagues, and give the idea to propose: the draft, or the author's better version of it.

    Args:
        agent: The author.
        draft: Its own idea.
        message: What was asked for.
        ctx: Of the request that is being answered.
        write: Gives a task to the author's delegate, for a better version.
        pattern: How it works with others. The user may have set one for the whole run, which then counts instead.
        probability: How often it does so at all, from 0 (never) to 1 (always); the same holds for this.
        choose: Whom it asks.
        skill: The skill that it looks for where it chooses by skill; None for one that fits the idea.
        first: A colleague that it asks before all others.
    """
    if not chance(probability):
        return draft
    work = _Work(agent, draft, message, ctx, write, choose, skill, first)
    return await _PATTERNS[settings.get().pattern or pattern](work)


async def pass_on(
    agent: RoutedAgent,
    message: RefineRequest,
    idea: Idea,
    ctx: MessageContext,
    *,
    probability: float,
    choose: Choice = "random",
    skill: str | None = None,
) -> None:
    """Send a colleague's idea on to the next one, refined, where that is its author's or this agent's way.

    In a relay an idea always travels on, in a panel never, and otherwise as often as the probability says.

    Args:
        agent: Who has refined it.
        message: The request for that.
        idea: The refined idea.
        ctx: Of the request that is being answered.
        probability: From 0 (never) to 1 (always).
        choose: Whom it is sent to.
        skill: The skill that is looked for where it is chosen by skill; None for one that fits the idea.
    """
    if message.pattern == "relay" or (message.pattern == "bounce" and chance(probability)):
        for name in await _colleagues(agent, 1, choose, skill or idea.title):
            request = RefineRequest(objective=message.objective, idea=idea, pattern=message.pattern)
            await share(agent, name, request, ctx)


@dataclass(frozen=True)
class _Work:
    """One draft that its author works on with others; the fields are what `develop` is given."""

    agent: RoutedAgent
    draft: Idea
    message: ProposeRequest
    ctx: MessageContext
    write: Callable[[str, MessageContext], Awaitable[Idea]]
    choose: Choice
    skill: str | None
    first: str | None

    async def colleagues(self, count: int) -> list[str]:
        """So many different colleagues, or as many as there are."""
        return await _colleagues(self.agent, count, self.choose, self.skill or self.draft.title, self.first)

    async def refined(self, names: Sequence[str], pattern: Pattern) -> list[Idea]:
        """The versions of those who answered; all are asked at once."""
        request = RefineRequest(objective=self.message.objective, idea=self.draft, pattern=pattern)
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(share(self.agent, name, request, self.ctx)) for name in names]
        answers = [one.result() for one in asked]
        return [answer.idea for answer in answers if answer is not None]

    async def opinions(self, asked: Iterable[tuple[str, OpinionRequest]]) -> list[Opinion | None]:
        """What each of these thinks; all are asked at once."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask_opinion(self.agent, name, one, self.ctx)) for name, one in asked]
        return [one.result() for one in tasks]

    def question(
        self, kind: Literal["critique", "pro", "contra", "verdict"], arguments: Sequence[str] = ()
    ) -> OpinionRequest:
        """A request for an opinion on the draft."""
        return OpinionRequest(objective=self.message.objective, idea=self.draft, kind=kind, arguments=list(arguments))

    async def revise(self, task: str, advice: str) -> Idea:
        """The author's better version; the draft when that fails.

        Args:
            task: What its delegate is asked.
            advice: What was said about the draft, for a model that reads no long task.
        """
        token = revising.set((self.draft, advice[:MAX_ADVICE]))
        try:
            return await self.write(task, self.ctx)
        except (MessagingError, ValueError):
            return self.draft
        finally:
            revising.reset(token)

    async def answer(self, remarks: Mapping[str, Opinion | None]) -> Idea:
        """The author's better version in answer to opinions, by what they are introduced with."""
        said = {label: one.content for label, one in remarks.items() if one is not None}
        task = answer_task(self.message, self.draft, [f"{label}: {text}" for label, text in said.items()])
        return await self.revise(task, "\n".join(said.values()))


async def _bounce(work: _Work) -> Idea:
    """One colleague refines it; what is proposed stays the author's own text."""
    await work.refined(await work.colleagues(1), "bounce")
    return work.draft


async def _relay(work: _Work) -> Idea:
    """It goes from colleague to colleague; what is proposed stays the author's own text."""
    await work.refined(await work.colleagues(1), "relay")
    return work.draft


async def _panel(work: _Work) -> Idea:
    """Three colleagues refine it side by side, and the author makes one idea of all."""
    versions = await work.refined(await work.colleagues(PANEL), "panel")
    if not versions:
        return work.draft
    advice = "\n".join(text for text in (_news(one, work.draft) for one in versions) if text)
    return await work.revise(merge_task(work.message, [work.draft, *versions]), advice)


async def _critique(work: _Work) -> Idea:
    """A colleague names its weakest point, and the author answers with a better version."""
    names = await work.colleagues(1)
    for opinion in await work.opinions([(name, work.question("critique")) for name in names]):
        if opinion is not None:
            return await work.answer({"Its weakest point, says a colleague": opinion})
    return work.draft


async def _pro_contra(work: _Work) -> Idea:
    """Two colleagues argue, the judge decides between them, and the author answers unless it shall keep its text.

    A single colleague argues against it. Where only one side was heard, nobody is asked to judge.
    """
    names = await work.colleagues(2)
    sides = [work.question("contra"), work.question("pro")]
    contra, pro, *_ = [*await work.opinions(zip(names, sides, strict=False)), None, None]
    if contra is None:
        return work.draft
    verdict = None
    if pro is not None:
        (verdict,) = await work.opinions([(JUDGE, work.question("verdict", [pro.content, contra.content]))])
    if verdict is not None and verdict.verdict == "keep":
        return work.draft
    return await work.answer({"Against it": contra, "For it": pro, "The judge": verdict})


_PATTERNS: Final[Mapping[Pattern, Callable[[_Work], Awaitable[Idea]]]] = {
    "bounce": _bounce,
    "critique": _critique,
    "panel": _panel,
    "relay": _relay,
    "pro_contra": _pro_contra,
}


async def _colleagues(
    agent: RoutedAgent, count: int, choose: Choice, skill: str, first: str | None = None
) -> list[str]:
    """Different colleagues, if there are so many: the registry may name the same one twice."""
    names = [first] if first is not None else []
    for _ in range(3 * count):
        if len(names) >= count:
            break
        name = await find_colleague(agent, choose, skill if choose == "skill" else None)
        if name is None:
            break
        if name in names:
            choose = "random"  # whoever fits best is asked already
        else:
            names.append(name)
    return names


def _news(idea: Idea, draft: Idea) -> str:
    """What an idea says differently from a draft, in lines."""
    before = draft.parts
    return "\n".join(f"{part_label(name)}: {text}" for name, text in idea.parts.items() if text != before.get(name))
