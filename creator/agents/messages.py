"""Messages among the trusted agents. The host lets no cell send to `creator`; the gateway checks who asks."""

from __future__ import annotations

from autogen_core.models import LLMMessage

from creator.blueprint import Blueprint
from creator.briefs import Brief
from sandbox.protocol import Message


class CreateAgent(Message):
    """World to Creator: write one agent.

    Attributes:
        brief: What it shall be.
        seed: For whatever is drawn by chance.
        attempt: 1 for the first try at this brief.
        feedback: Why the try before failed; empty at first.
        replaces: Name of the agent that failed, whose files and name become free.
    """

    brief: Brief
    seed: int
    attempt: int
    feedback: str = ""
    replaces: str | None = None


class Created(Message):
    """The Creator's answer: the module is written and passed the policy.

    Attributes:
        blueprint: The agent's filled slots.
        sha256: Digest of the module as written, in hexadecimal.
    """

    blueprint: Blueprint
    sha256: str


class FillTemplate(Message):
    """Creator to model gateway: values for a template's slots.

    Attributes:
        messages: The prompt; the whole context.
        template: Which template's schema has to be fulfilled.
        facts: What the brief says, for models that are asked slot by slot.
        seed: For slots that are drawn by chance.
        temperature: Sampling temperature.
        max_tokens: Limit of the answer.
    """

    messages: list[LLMMessage]
    template: str
    facts: dict[str, str]
    seed: int
    temperature: float = 0.9
    max_tokens: int = 900


class Filled(Message):
    """The gateway's answer: JSON text that fulfils the template's schema."""

    content: str
