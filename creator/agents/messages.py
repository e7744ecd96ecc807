"""Messages among the trusted agents. The host lets no cell send to `creator`; the gateway checks who asks."""

from __future__ import annotations

from typing import Literal

from autogen_core.models import LLMMessage
from pydantic import Field

from creator.blueprint import Blueprint
from creator.breeding.heritage import Heritage
from creator.briefs import Brief
from creator.templates.slots import SlotValue
from sandbox.protocol import Idea, Message


class CreateAgent(Message):
    """World to Creator: write one agent.

    Attributes:
        brief: What it shall be.
        template: What is filled, or what a model that writes code gets as its example.
        seed: For whatever is drawn by chance.
        attempt: 1 for the first try at this brief.
        feedback: Why the try before failed, or was rejected; empty at first.
        name: The agent's name, when it is settled already.
        parents: Agents that it stems from.
        heritage: What it takes over from them.
    """

    brief: Brief
    template: str
    seed: int
    attempt: int
    feedback: str = ""
    name: str | None = None
    parents: list[str] = Field(default_factory=list)
    heritage: Heritage = Heritage()


class Created(Message):
    """The Creator's answer: a module that passed the policy. Nothing is on disk yet.

    Attributes:
        blueprint: The agent's.
        source: Its module.
        notes: What happened on the way, such as repairs, a line each.
    """

    blueprint: Blueprint
    source: str
    notes: list[str] = Field(default_factory=list)


class FillTemplate(Message):
    """Creator to model gateway: values for a template's slots.

    Attributes:
        messages: The prompt; the whole context.
        template: Which template's schema has to be fulfilled.
        facts: What the brief says, for models that are asked slot by slot.
        known: Values of slots that nobody has to be asked for; the answer is without them.
        seed: For slots that are drawn by chance.
        temperature: Sampling temperature.
        max_tokens: Limit of the answer.
    """

    messages: list[LLMMessage]
    template: str
    facts: dict[str, str]
    seed: int
    known: dict[str, SlotValue] = Field(default_factory=dict)
    temperature: float = 0.9
    max_tokens: int = 900


class CompleteText(Message):
    """Creator to model gateway: free text.

    Attributes:
        messages: The prompt; the whole context.
        seed: The same prompt with another seed is another question.
        temperature: Sampling temperature.
        max_tokens: Limit of the answer.
    """

    messages: list[LLMMessage]
    seed: int
    temperature: float = 0.7
    max_tokens: int = 4_000


class Filled(Message):
    """The gateway's answer: text, or JSON text that fulfils the template's schema."""

    content: str


class Compare(Message):
    """World to judge: which of two ideas does this seat of the panel prefer?

    Attributes:
        seat: Which, from 0.
        first: The idea that is shown first.
        second: The other.
    """

    seat: int = Field(ge=0)
    first: Idea
    second: Idea


class Preference(Message):
    """A judge's answer.

    Attributes:
        winner: The idea that it prefers; None when it has no preference.
        reason: Why, in its words.
    """

    winner: Literal["first", "second"] | None
    reason: str = Field(default="", max_length=4_000)
