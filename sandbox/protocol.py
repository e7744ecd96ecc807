"""The messages that both sides of the trust boundary speak.

Every class is a pydantic model, so AutoGen carries it as JSON under its class name. Every text is bounded:
what a cell or a model wrote is data of unknown origin, and a bound here holds on both sides.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from autogen_core.models import LLMMessage
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

AGENT_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
"""The form of an agent's name; match it with ``fullmatch``."""

CREATOR: Final = "creator"
JUDGE: Final = "judge"
BASELINE: Final = "baseline"
"""On whose account the ideas are that no agent has a part in."""
LIKENESS: Final = "likeness"
"""On whose account embeddings are, which tell near-duplicates."""
TRIAL_PEER: Final = "trial_peer"
"""The colleague of agents that are only being tried."""
REGISTRY: Final = "registry"
MODEL_GATEWAY: Final = "model_gateway"
SUPERVISOR: Final = "supervisor"
RESERVED_NAMES: Final = frozenset(
    {
        CREATOR,
        REGISTRY,
        MODEL_GATEWAY,
        SUPERVISOR,
        TRIAL_PEER,
        "tool_gateway",
        JUDGE,
        BASELINE,
        LIKENESS,
        "world",
        "host",
        "user",
        "system",
    }
)
"""Names that no generated agent may carry."""

MAX_MESSAGES: Final = 64
"""Of one request to the language model."""

AgentName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]
PartText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4_000)]
"""One part of an idea; empty when there is none."""

MAX_PARTS: Final = 16
"""Of one idea, its title not counted."""
PART_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
"""The form of the name of an idea's part; match it with ``fullmatch``."""

Pattern = Literal["bounce", "critique", "panel", "relay", "pro_contra"]
"""How agents work on an idea together.

``bounce``: one colleague refines it. ``critique``: a colleague names its weakest point, the author answers. ``panel``:
three colleagues refine it side by side, the author merges. ``relay``: from colleague to colleague, up to the limit of
hops. ``pro_contra``: one colleague speaks for it, one against it, a judge gives a verdict, the author answers.
"""


class Message(BaseModel):
    """Base of all messages: unknown fields are refused, values don't change after construction."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _whole_and_closed(schema: dict[str, Any]) -> None:
    """Ask a model for every declared part of an idea, and for no other."""
    schema["required"] = list(schema["properties"])
    schema["additionalProperties"] = False


class Idea(Message):
    """A business idea, in parts; where the user gave a schema for other ideas, a title and the parts of that."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_whole_and_closed)
    __pydantic_extra__: dict[str, PartText]

    title: ShortText = Field(description="A short name for the idea, at most eight words.")
    problem: PartText = Field("", description="The problem, in one or two sentences.")
    customer: PartText = Field("", description="Who has this problem and would pay.")
    solution: PartText = Field("", description="What the product does about it, in one or two sentences.")
    why_now: PartText = Field("", description="Why this works today and did not some years ago, in one sentence.")
    revenue_model: PartText = Field("", description="How it earns money.")
    cost_to_try: PartText = Field("", description="What a first try costs, in money and days.")
    first_step: PartText = Field("", description="The first thing to do, within a week and a small budget.")
    risks: PartText = Field("", description="What is most likely to make it fail, in one or two sentences.")

    @model_validator(mode="after")
    def _parts_are_few_and_named_well(self) -> Self:
        further = self.__pydantic_extra__ or {}
        if len(further) > MAX_PARTS or not all(PART_NAME.fullmatch(name) for name in further):
            raise ValueError(f"an idea has at most {MAX_PARTS} further parts, named like 'first_step'")
        return self

    @property
    def parts(self) -> dict[str, str]:
        """Its parts by name without the title, in order; only those that say something."""
        return {name: text for name, text in self if name != "title" and isinstance(text, str) and text}


class Hello(Message):
    """The first message to a new agent; one that does not answer in time is not counted as live."""


class Introduction(Message):
    """An agent's answer to `Hello`."""

    name: AgentName
    sector: ShortText
    skills: list[ShortText] = Field(default_factory=list, max_length=16)


class ProposeRequest(Message):
    """Asks an agent for one idea."""

    objective: LongText
    guidance: PartText = Field("", description="What makes a good idea of the kind that is asked for.")


class Proposal(Message):
    """An agent's own idea, before anyone refined it."""

    idea: Idea


class RefineRequest(Message):
    """One agent's idea, sent to a colleague for a better version."""

    objective: LongText
    idea: Idea
    pattern: Pattern = "bounce"
    """How the author works on it: in a ``relay`` it travels on, in a ``panel`` it does not."""


class OpinionRequest(Message):
    """One agent's idea, sent to a colleague (or to the judge, for a verdict) for an opinion in words."""

    objective: LongText
    idea: Idea
    kind: Literal["critique", "pro", "contra", "verdict"]
    """Its weakest point, what speaks for it, what speaks against it, or who is right."""
    arguments: list[LongText] = Field(default_factory=list, max_length=8)
    """What was said for and against it, in turn, when a verdict is asked for."""


class Opinion(Message):
    """What a colleague thinks of an idea."""

    content: LongText
    verdict: Literal["keep", "revise"] | None = None
    """Whether the author shall leave the idea as it is; None where no verdict was asked for, or none is possible."""


class Refinement(Message):
    """The colleague's version of an idea. The author's own text stays what it was."""

    idea: Idea


class Text(Message):
    """Free text, and its answer: a question to an agent, or what one colleague asks another.

    A whole task fits in, with an idea in it.
    """

    content: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30_000)]
    earlier: list[LongText] = Field(
        default_factory=list, max_length=40, description="The conversation so far, asker and agent in turn."
    )


class Surprise(Message):
    """A message that no agent expects; a good one survives it."""


class ColleagueRequest(Message):
    """Asks the registry for another live agent."""

    how: Literal["random", "different_sector", "skill"] = "random"
    skill: ShortText | None = None


class Colleague(Message):
    """A live agent that is not the asker; ``name`` is None when there is no such agent, for the reason given."""

    name: AgentName | None
    sector: ShortText | None = None
    reason: str = Field(default="", max_length=500)


class ColleagueOrder(Message):
    """An agent asks the Creator, by name, for a new colleague; the answer is a `Colleague`."""

    sector: ShortText
    role: ShortText
    topic: ShortText | None = Field(default=None, description="A problem that it should know well.")


class ModelRequest(Message):
    """One completion, asked of the model gateway. Stateless: the messages are the whole context."""

    messages: list[LLMMessage] = Field(min_length=1, max_length=MAX_MESSAGES)
    json_schema: dict[str, Any] | None = Field(
        default=None, description="JSON Schema that the answer has to fulfil; None for free text."
    )
    revises: Idea | None = None
    """The asker's own idea, of which the answer shall be a better version; None when it asks for a new one."""
    advice: PartText = ""
    """What colleagues said about that idea."""
    temperature: float = Field(default=0.7, ge=0, le=2)
    max_tokens: int = Field(default=800, ge=1, le=4_000)


class ModelReply(Message):
    """The completion. With a schema, ``content`` is valid JSON text of that schema."""

    content: str = Field(max_length=200_000)
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


class StartCell(Message):
    """World to supervisor: start a cell that hosts one agent."""

    name: AgentName
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    credential: str = Field(repr=False, max_length=200)
    seed: int
    bounce: float | None = Field(default=None, ge=0, le=1)
    """Replaces the agent's own probability of sharing an idea."""
    pattern: Pattern | None = None
    """Replaces the agent's own way to work on an idea with colleagues."""
    deadline: float = Field(gt=0, description="Seconds until the agent has to be registered.")
    alone: bool = False
    """Whether nobody may share its cell, however agents are packed."""


class StopCell(Message):
    """World to supervisor: end the cell of this agent, if there is one."""

    name: AgentName


class CellReport(Message):
    """Supervisor to World: what became of a cell. ``reason`` is empty when it is well."""

    name: AgentName
    state: Literal["registered", "failed", "exited"]
    reason: str = Field(default="", max_length=2_000)
