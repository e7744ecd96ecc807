"""How an agent finds its colleagues and asks them; what it cannot get is None, never an error."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from autogen_core import AgentId, MessageContext, RoutedAgent

from sandbox.draws import Draws
from sandbox.errors import MessagingError, RecipientNotFound
from sandbox.protocol import (
    CREATOR,
    REGISTRY,
    Colleague,
    ColleagueOrder,
    ColleagueRequest,
    Opinion,
    OpinionRequest,
    Pattern,
    Refinement,
    RefineRequest,
)

Choice = Literal["random", "different_sector", "skill"]
"""Which colleague: one by chance, one that works on something quite different, one for a skill."""
MAX_REASON = 500
"""Characters of why there is no colleague."""


@dataclass(frozen=True)
class Settings:
    """What the run settles for one agent.

    Attributes:
        draws: Whatever the agent draws by chance.
        bounce: Replaces its own probability of working with others; None leaves it its own.
        pattern: Replaces its own way of working with others; None leaves it its own.
    """

    draws: Draws
    bounce: float | None
    pattern: Pattern | None


settings: ContextVar[Settings] = ContextVar("settings")
"""Set in the context that all tasks of an agent come from: a cell may hold several agents."""


def chance(probability: float, *, sharing: bool = True) -> bool:
    """True with the given probability; seeded for each agent and conversation.

    Args:
        probability: From 0 (never) to 1 (always).
        sharing: Whether this is about showing an idea to a colleague. The user may have set a probability of that for
            the whole run, which then counts instead.
    """
    own = settings.get()
    return own.draws.random() < (own.bounce if sharing and own.bounce is not None else probability)


async def find_colleague(agent: RoutedAgent, how: Choice = "random", skill: str | None = None) -> str | None:
    """The name of another live agent, from the registry; None when there is none (or it cannot be asked).

    Args:
        agent: Who asks.
        how: By chance, from a very different sector, or for a skill.
        skill: The wanted skill, in a few words.
    """
    request = ColleagueRequest(how=how, skill=(skill or "").strip()[:200] or None)
    try:
        answer = await agent.send_message(request, AgentId(REGISTRY, "default"))
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


async def share(agent: RoutedAgent, name: str, request: RefineRequest, ctx: MessageContext) -> Refinement | None:
    """Send an idea to a colleague by name and wait for the refinement.

    None when the colleague failed, is gone, or the conversation has come to its end (hop limit, nobody twice):
    whoever shares an idea keeps its own.
    """
    answer = await _answer(agent, name, request, ctx)
    return answer if isinstance(answer, Refinement) else None


async def ask_opinion(agent: RoutedAgent, name: str, request: OpinionRequest, ctx: MessageContext) -> Opinion | None:
    """Ask a colleague by name what it thinks of an idea; None when it says nothing, for whatever reason."""
    answer = await _answer(agent, name, request, ctx)
    return answer if isinstance(answer, Opinion) else None


async def _answer(
    agent: RoutedAgent, name: str, request: RefineRequest | OpinionRequest, ctx: MessageContext
) -> object:
    try:
        return await agent.send_message(request, AgentId(name, "default"), cancellation_token=ctx.cancellation_token)
    except MessagingError:
        return None
