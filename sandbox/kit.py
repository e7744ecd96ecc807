"""All that a generated module may import from us."""

from __future__ import annotations

from autogen_agentchat.base import TaskResult
from autogen_agentchat.messages import StructuredMessage, TextMessage
from autogen_core import MessageContext, RoutedAgent
from autogen_core.models import ChatCompletionClient, LLMMessage, SystemMessage, UserMessage

from sandbox.colleagues import (
    Settings,
    ask_for_colleague,
    ask_opinion,
    chance,
    create_colleague,
    find_colleague,
    find_recipient,
    settings,
    share,
)
from sandbox.draws import Draws
from sandbox.errors import MessagingError
from sandbox.model_client import GatewayModelClient
from sandbox.patterns import develop, pass_on
from sandbox.protocol import (
    Colleague,
    Hello,
    Idea,
    Introduction,
    Opinion,
    OpinionRequest,
    Pattern,
    Proposal,
    ProposeRequest,
    Refinement,
    RefineRequest,
    Text,
)
from sandbox.tasks import (
    answer_task,
    critique_task,
    merge_task,
    opinion_task,
    proposal_task,
    question_task,
    refinement_task,
)

__all__ = [
    "Colleague",
    "Hello",
    "Idea",
    "Introduction",
    "MessagingError",
    "Opinion",
    "OpinionRequest",
    "Proposal",
    "ProposeRequest",
    "RefineRequest",
    "Refinement",
    "Text",
    "answer_task",
    "ask_for_colleague",
    "ask_opinion",
    "chance",
    "create_colleague",
    "critique_task",
    "develop",
    "find_colleague",
    "find_recipient",
    "idea_from",
    "merge_task",
    "model_client",
    "opinion_task",
    "pass_on",
    "proposal_task",
    "question_task",
    "refinement_task",
    "share",
    "structure",
    "text_from",
]

MAX_TEXT = 4_000
"""Characters of a text between agents."""


def _configure(seed: int, bounce: float | None, pattern: Pattern | None = None) -> None:
    """Set this agent's seed and what the run overrides of every agent's way of working with others.

    Called by the cell in the context that all tasks of the agent come from: a cell may hold several agents.
    """
    settings.set(Settings(Draws(seed), bounce, pattern))


def model_client(agent: RoutedAgent, *, temperature: float) -> ChatCompletionClient:
    """The language model for ``agent``, with a sampling temperature from 0 to 2."""
    return GatewayModelClient(agent, temperature)


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


async def structure(agent: RoutedAgent, text: str, ctx: MessageContext) -> Idea:
    """The idea that a free text tells, in parts; one call of the language model."""
    messages: list[LLMMessage] = [
        SystemMessage(content="You put an idea that somebody wrote down into parts, without adding to it."),
        UserMessage(content=text[:MAX_TEXT], source="user"),
    ]
    client = GatewayModelClient(agent, 0.2)
    result = await client.create(messages, json_output=Idea, cancellation_token=ctx.cancellation_token)
    return Idea.model_validate_json(str(result.content))
