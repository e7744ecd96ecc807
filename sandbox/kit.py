"""All that a generated module may import from us."""

from __future__ import annotations

import random
from contextvars import ContextVar
from typing import Literal

from autogen_agentchat.base import TaskResult
from autogen_agentchat.messages import StructuredMessage
from autogen_core import AgentId, MessageContext, RoutedAgent
from autogen_core.models import ChatCompletionClient

from sandbox.errors import MessagingError
from sandbox.model_client import GatewayModelClient
from sandbox.protocol import (
    REGISTRY,
    Colleague,
    ColleagueRequest,
    Hello,
    Idea,
    Introduction,
    Proposal,
    ProposeRequest,
    Refinement,
    RefineRequest,
)

__all__ = [
    "Hello",
    "Idea",
    "Introduction",
    "Proposal",
    "ProposeRequest",
    "RefineRequest",
    "Refinement",
    "chance",
    "find_colleague",
    "idea_from",
    "model_client",
    "proposal_task",
    "refinement_task",
    "share",
]

_settings: ContextVar[tuple[random.Random, float | None]] = ContextVar("settings")


def _configure(seed: int, bounce: float | None) -> None:
    """Set this agent's seed and the run's override of every agent's probability.

    Called by the cell in the context that all tasks of the agent come from: a cell may hold several agents.
    """
    _settings.set((random.Random(seed), bounce))


def model_client(agent: RoutedAgent, *, temperature: float) -> ChatCompletionClient:
    """The language model for ``agent``, with a sampling temperature from 0 to 2."""
    return GatewayModelClient(agent, temperature)


def chance(probability: float) -> bool:
    """True with the given probability (or the run's own, when the user set one); seeded for each agent."""
    draws, override = _settings.get()
    return draws.random() < (probability if override is None else override)


def proposal_task(message: ProposeRequest) -> str:
    """The task that asks a delegate for one idea."""
    return (
        f"{message.objective}\n\nPropose one idea that fits your sector, your interests and your goal. "
        "Be concrete: a real problem of real customers, and a first step that a small team can take."
    )


def refinement_task(message: RefineRequest) -> str:
    """The task that asks a delegate for a better version of a colleague's idea."""
    idea = message.idea
    return (
        f"{message.objective}\n\nA colleague proposes this idea. It may not be your speciality, but make it "
        "better: sharpen the problem, the customer and the solution, and mend its weakest point.\n\n"
        f"Title: {idea.title}\nProblem: {idea.problem}\nCustomer: {idea.customer}\n"
        f"Solution: {idea.solution}\nRevenue model: {idea.revenue_model}\nFirst step: {idea.first_step}"
    )


def idea_from(result: TaskResult) -> Idea:
    """The idea in a delegate's result; raises ValueError when there is none."""
    for message in reversed(result.messages):
        if isinstance(message, StructuredMessage) and isinstance(message.content, Idea):
            return message.content
    raise ValueError("the delegate gave no idea")


async def find_colleague(agent: RoutedAgent, how: Literal["random", "different_sector"] = "random") -> str | None:
    """The name of another live agent, from the registry; None when there is none (or it cannot be asked)."""
    try:
        answer = await agent.send_message(ColleagueRequest(how=how), AgentId(REGISTRY, "default"))
    except MessagingError:
        return None
    return answer.name if isinstance(answer, Colleague) else None


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
