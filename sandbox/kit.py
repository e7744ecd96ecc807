"""All that a generated module may import from us."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Literal

from autogen_agentchat.base import TaskResult
from autogen_agentchat.messages import StructuredMessage, TextMessage
from autogen_core import AgentId, MessageContext, RoutedAgent
from autogen_core.models import ChatCompletionClient, LLMMessage, SystemMessage, UserMessage

from sandbox.errors import MessagingError, RecipientNotFound
from sandbox.model_client import GatewayModelClient
from sandbox.protocol import (
    CREATOR,
    REGISTRY,
    Colleague,
    ColleagueOrder,
    ColleagueRequest,
    Hello,
    Idea,
    Introduction,
    Proposal,
    ProposeRequest,
    Refinement,
    RefineRequest,
    Text,
)

__all__ = [
    "Colleague",
    "Hello",
    "Idea",
    "Introduction",
    "MessagingError",
    "Proposal",
    "ProposeRequest",
    "RefineRequest",
    "Refinement",
    "Text",
    "ask_for_colleague",
    "chance",
    "create_colleague",
    "critique_task",
    "find_colleague",
    "find_recipient",
    "idea_from",
    "merge_task",
    "model_client",
    "proposal_task",
    "question_task",
    "refinement_task",
    "share",
    "structure",
    "text_from",
]

MAX_TEXT = 4_000
"""Characters of a text between agents."""
MAX_MERGED = 8
"""Ideas that are merged into one."""
MAX_MERGED_PART = 1_000
"""Characters of each part of an idea that is merged with others: a model reads so much at once and no more."""
MAX_REASON = 500
"""Characters of why there is no colleague."""

_settings: ContextVar[tuple[random.Random, float | None]] = ContextVar("settings")


def _configure(seed: int, bounce: float | None) -> None:
    """Set this agent's seed and the run's override of every agent's probability.

    Called by the cell in the context that all tasks of the agent come from: a cell may hold several agents.
    """
    _settings.set((random.Random(seed), bounce))


def model_client(agent: RoutedAgent, *, temperature: float) -> ChatCompletionClient:
    """The language model for ``agent``, with a sampling temperature from 0 to 2."""
    return GatewayModelClient(agent, temperature)


def chance(probability: float, *, sharing: bool = True) -> bool:
    """True with the given probability; seeded for each agent.

    Args:
        probability: From 0 (never) to 1 (always).
        sharing: Whether this is about showing an idea to a colleague. The user may have set a probability of that for
            the whole run, which then counts instead.
    """
    draws, override = _settings.get()
    return draws.random() < (override if sharing and override is not None else probability)


def proposal_task(message: ProposeRequest) -> str:
    """The task that asks a delegate for one idea."""
    guidance = f" {message.guidance}" if message.guidance else ""
    return f"{message.objective}\n\nPropose one idea that fits your sector, your interests and your goal.{guidance}"


def refinement_task(message: RefineRequest) -> str:
    """The task that asks a delegate for a better version of a colleague's idea."""
    return (
        f"{message.objective}\n\nA colleague proposes this idea. It may not be your speciality, but make it "
        "better: sharpen what is vague, and mend its weakest point.\n\n"
        f"{_told(message.idea)}"
    )


def critique_task(message: RefineRequest) -> str:
    """The task that asks a delegate for the weakest point of a colleague's idea, in free text."""
    return (
        f"{message.objective}\n\nA colleague proposes this idea. Name its weakest point in one or two sentences: what "
        "is most likely to make it fail, and why. Don't mend it yet.\n\n"
        f"{_told(message.idea)}"
    )


def merge_task(message: ProposeRequest, ideas: Sequence[Idea]) -> str:
    """The task that asks a delegate to make one idea of several.

    Args:
        message: What was asked for.
        ideas: The agent's own idea first, then its colleagues' versions of it, at most eight in all.
    """
    own, *others = ideas[:MAX_MERGED]
    versions = "\n\n".join(f"Version {number}\n{_told(one, MAX_MERGED_PART)}" for number, one in enumerate(others, 1))
    return (
        f"{message.objective}\n\nThis is your idea.\n\n{_told(own, MAX_MERGED_PART)}\n\n"
        f"Your colleagues improved it, each in a way of their own.\n\n{versions}\n\n"
        "Make one idea of them: keep what is better than yours, drop what weakens it, and say it in your own words."
    )


def _told(idea: Idea, limit: int | None = None) -> str:
    """An idea in lines, each part within a limit of characters."""
    parts = (f"{name.replace('_', ' ').capitalize()}: {text[:limit]}" for name, text in idea.parts.items())
    return "\n".join([f"Title: {idea.title[:limit]}", *parts])


def question_task(message: Text) -> str:
    """The task that asks a delegate to go on with a conversation."""
    if not message.earlier:
        return message.content
    turns = "\n".join(f"{'You' if number % 2 else 'They'}: {text}" for number, text in enumerate(message.earlier))
    return f"So far:\n{turns}\n\nThey: {message.content}\n\nAnswer the last line, as yourself."


def text_from(result: TaskResult) -> str:
    """The text in a delegate's result, at most 4,000 characters; raises ValueError when there is none."""
    for message in reversed(result.messages):
        if isinstance(message, TextMessage) and message.source != "user" and message.content.strip():
            return message.content.strip()[:MAX_TEXT]
    raise ValueError("the delegate gave no text")


def idea_from(result: TaskResult) -> Idea:
    """The idea in a delegate's result; raises ValueError when there is none."""
    for message in reversed(result.messages):
        if isinstance(message, StructuredMessage) and isinstance(message.content, Idea):
            return message.content
    raise ValueError("the delegate gave no idea")


async def find_colleague(
    agent: RoutedAgent, how: Literal["random", "different_sector", "skill"] = "random", skill: str | None = None
) -> str | None:
    """The name of another live agent, from the registry; None when there is none (or it cannot be asked).

    Args:
        agent: Who asks.
        how: By chance, from a different sector, or for a skill.
        skill: A word of the wanted skill.
    """
    try:
        answer = await agent.send_message(ColleagueRequest(how=how, skill=skill), AgentId(REGISTRY, "default"))
    except MessagingError:
        return None
    return answer.name if isinstance(answer, Colleague) else None


async def find_recipient(agent: RoutedAgent) -> AgentId:
    """The address of another live agent, by chance.

    Raises:
        MessagingError: There is none.
    """
    name = await find_colleague(agent)
    if name is None:
        raise RecipientNotFound("there is no colleague")
    return AgentId(name, "default")


async def create_colleague(agent: RoutedAgent, *, sector: str, role: str, topic: str | None = None) -> str | None:
    """Ask the Creator for a new colleague, and give its name once it is live; None when it was refused.

    Args:
        agent: Who asks. Its run bounds how many agents there are, and how many each may ask for.
        sector: What the colleague shall work in.
        role: What it shall do.
        topic: A problem that it shall know well.
    """
    return (await ask_for_colleague(agent, sector=sector, role=role, topic=topic)).name


async def ask_for_colleague(agent: RoutedAgent, *, sector: str, role: str, topic: str | None = None) -> Colleague:
    """Like `create_colleague`, with the reason of a refusal: ``name`` is None then, and ``reason`` one sentence.

    Args:
        agent: Who asks.
        sector: What the colleague shall work in.
        role: What it shall do.
        topic: A problem that it shall know well.
    """
    order = ColleagueOrder(sector=sector, role=role, topic=topic)
    try:
        answer = await agent.send_message(order, AgentId(CREATOR, "default"))
    except MessagingError as error:
        return Colleague(name=None, reason=str(error)[:MAX_REASON])
    return answer if isinstance(answer, Colleague) else Colleague(name=None, reason="the creator gave no answer")


async def structure(agent: RoutedAgent, text: str, ctx: MessageContext) -> Idea:
    """The idea that a free text tells, in parts; one call of the language model."""
    messages: list[LLMMessage] = [
        SystemMessage(content="You put an idea that somebody wrote down into parts, without adding to it."),
        UserMessage(content=text[:MAX_TEXT], source="user"),
    ]
    client = GatewayModelClient(agent, 0.2)
    result = await client.create(messages, json_output=Idea, cancellation_token=ctx.cancellation_token)
    return Idea.model_validate_json(str(result.content))


async def share(agent: RoutedAgent, name: str, request: RefineRequest, ctx: MessageContext) -> Refinement | None:
    """Send an idea to a colleague by name and wait for the refinement.

    None when the colleague failed, is gone, or the conversation has come to its end (hop limit, nobody twice):
    whoever shares an idea keeps its own.
    """
    try:
        answer = await agent.send_message(request, AgentId(name, "default"), cancellation_token=ctx.cancellation_token)
    except MessagingError:
        return None
    return answer if isinstance(answer, Refinement) else None
