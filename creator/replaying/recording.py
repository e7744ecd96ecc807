"""What a run is played again from, as one document: whatever decided how it went, and what came of it.

A recording may come from a stranger, so every part of it has bounds. It holds nothing of the machine that it was made
on: no key, no address of a server, no path, no name of a host.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from creator.blueprint import Blueprint
from creator.briefs import Brief
from creator.objectives import MAX_OBJECTIVE
from creator.policy import MAX_SOURCE_BYTES
from creator.settings import MAX_AGENTS
from creator.templates.slots import MAX_SLOTS
from creator.text import clean
from sandbox.protocol import RESERVED_NAMES, AgentName, Pattern

FORMAT: Final = 1
"""The version of the form of recordings. A release reads those of its own form alone."""
MAX_NUMBER: Final = 1_000_000
MAX_BIRTHS: Final = 50_000
MAX_ROWS: Final = 2_000_000
MAX_TEXT: Final = 4_000
"""Characters of a reason."""
MAX_ANSWER: Final = 1_000_000
"""Characters of one answer of a model."""
MAX_SCHEMA: Final = 100_000


def _plain(text: str) -> str:
    if text != clean(text):
        raise ValueError("it has to be one line of visible text")
    return text


Key = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A digest, in hexadecimal."""
RunId = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}-[0-9]{6}-[0-9a-f]{4}$")]
TalkId = Annotated[str, StringConstraints(pattern=r"^c[0-9]{4,9}\.[0-9]{1,4}$")]
"""A conversation."""
FilePath = Annotated[
    str,
    StringConstraints(
        pattern=r"^(agents/[a-z][a-z0-9_]{0,63}\.py|ideas/(one-shot/)?[0-9]{2,7}-[a-z0-9-]{1,60}\.md)$", max_length=100
    ),
]
"""A module or an idea, below the folder of the run. Nothing is ever read or written by it."""
ModelName = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_plain)]
TemplateName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Number = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
Reason = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
Asker = Annotated[str, StringConstraints(pattern=r"^([a-z][a-z0-9_]{0,63})?$")]
_Short = Annotated[str, StringConstraints(max_length=200)]
_Tokens = Annotated[int, Field(ge=0, le=10**12)]


class Part(BaseModel):
    """Base of all parts: unknown fields are refused, values don't change after construction."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RecordedSettings(Part):
    """What the run was asked for, as far as it decides how the run goes; see `creator.settings.SpawnSettings`."""

    count: int = Field(ge=1, le=MAX_AGENTS)
    objective: str = Field(min_length=1, max_length=MAX_OBJECTIVE)
    pattern: Pattern | None = None
    template: dict[TemplateName, Annotated[float, Field(gt=0)]] = Field(min_length=1, max_length=100)
    bounce: float | None = Field(default=None, ge=0, le=1)
    generations: int = Field(default=0, ge=0, le=20)
    keep: int | None = Field(default=None, ge=1, le=MAX_AGENTS)
    tournament: bool = True
    judges: int | None = Field(default=None, ge=1, le=9)
    baseline: bool | None = None
    embeddings: ModelName | None = None
    author: Literal["fill", "code"] = "fill"
    hop_limit: int = Field(default=3, ge=0, le=100)
    max_depth: int = Field(default=2, ge=0, le=10)
    colleagues_each: int = Field(default=2, ge=0, le=100)
    colleague_tokens: int = Field(default=200_000, ge=0, le=10**12)
    max_agents: int | None = Field(default=None, ge=1, le=MAX_AGENTS)


class RecordedHeritage(Part):
    """What an agent took over from its parents; see `creator.breeding.heritage.Heritage`."""

    slots: dict[AgentName, bool | int | float | Reason | list[Reason]] = Field(
        default_factory=dict, max_length=MAX_SLOTS
    )
    sources: list[Annotated[str, StringConstraints(max_length=20_000)]] = Field(default_factory=list, max_length=8)


class RecordedFate(Part):
    """What became of an agent that came to no idea; see `creator.wishes.Fate`."""

    reason: Reason = ""
    written: bool = False
    lived: bool = False


class RecordedModule(Part):
    """A module that no answer of a model gives: a kept agent's, or one that a person edited."""

    blueprint: Blueprint
    source: str = Field(max_length=MAX_SOURCE_BYTES)


class RecordedBirth(Part):
    """An agent.

    Attributes:
        number: Of its birth.
        generation: 0 unless it was bred.
        asked_by: An agent, ``user``, or nobody.
        template: What it was made from.
        brief: What it was asked to be.
        parents: Agents that it stems from.
        heritage: What it took over from them.
        name: Its name, or what stands for it when it never got one.
        attempt: The try at which it came to life, or the last one.
        feedback: Why the try before that came to nothing.
        talk: Its conversation that came to an idea, from 1; 0 when none did.
        fate: What became of it when it came to no idea.
        module: Its module, where no answer gives it.
    """

    number: Number
    generation: int = Field(default=0, ge=0, le=20)
    asked_by: Asker = ""
    template: TemplateName
    brief: Brief
    parents: list[AgentName] = Field(default_factory=list, max_length=8)
    heritage: RecordedHeritage | None = None
    name: AgentName
    attempt: int = Field(default=1, ge=1, le=10_000)
    feedback: Reason = ""
    talk: int = Field(default=0, ge=0, le=9_999)
    fate: RecordedFate | None = None
    module: RecordedModule | None = None

    @model_validator(mode="after")
    def _it_fits(self) -> Self:
        if self.name in RESERVED_NAMES or self.name.startswith("trial_"):
            raise ValueError(f"no agent can be named {self.name!r}")
        if self.module is not None and self.module.blueprint.name != self.name:
            raise ValueError(f"the module of {self.name!r} is another agent's")
        if (self.talk == 0) != (self.fate is not None):
            raise ValueError(f"{self.name!r} either came to an idea, or has a reason why not")
        return self


class RecordedAnswer(Part):
    """What a model answered."""

    key: Key
    model: ModelName
    answer: str = Field(max_length=MAX_ANSWER)
    truncated: bool = False
    prompt_tokens: _Tokens
    completion_tokens: _Tokens


class ChosenColleague(Part):
    """Who was chosen as a colleague."""

    name: AgentName | None
    sector: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    reason: str = Field(default="", max_length=500)


class GrantedOrder(Part):
    """The agent that was born because another one asked for it."""

    number: Number
    sector: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class RefusedOrder(Part):
    """Why an agent got nobody."""

    refused: str = Field(max_length=500)


class ChosenParents(Part):
    """Whom a generation was bred from."""

    names: list[AgentName] = Field(max_length=MAX_AGENTS)


CHOICES: Final[dict[str, type[Part] | tuple[type[Part], ...]]] = {
    "colleague": ChosenColleague,
    "order": (GrantedOrder, RefusedOrder),
    "parents": ChosenParents,
}
"""By kind: what a choice holds. Others are made anew."""


class RecordedChoice(Part):
    """What was left to chance, or to who came first; see `creator.choices`."""

    kind: Literal["colleague", "order", "parents"]
    agent: Asker
    conversation: _Short
    nth: Number
    chosen: ChosenColleague | GrantedOrder | RefusedOrder | ChosenParents

    @model_validator(mode="after")
    def _it_fits(self) -> Self:
        if not isinstance(self.chosen, CHOICES[self.kind]):
            raise ValueError(f"the choice of a {self.kind!r} holds something else")
        return self


class Recording(Part):
    """A run, as it is played again.

    Attributes:
        format: Version of this form.
        release: The release that made the recording.
        run_id: The run.
        model: Its model's name.
        strategy: How its model gives structured answers.
        judge_models: The models that judged, where they were others than its own.
        seed: Its seed.
        settings: What it was asked for.
        idea_schema: The schema of its ideas, as JSON; empty for business ideas.
        births: Who was born.
        choices: What was decided.
        pairs: Numbers of ideas that judges compared, in order.
        places: By conversation: the number of the idea that came of it.
        one_shots: How many one-shot ideas were asked for.
        answers: What models answered.
        failures: By what was asked: why there is no answer.
        files: By file: the digest of each module and idea that came of it.
    """

    format: Literal[1] = FORMAT
    release: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.+!-]{1,40}$")]
    run_id: RunId
    model: ModelName
    strategy: Literal["object", "slots"]
    judge_models: list[ModelName] = Field(default_factory=list, max_length=100)
    seed: int = Field(ge=-(2**63), lt=2**63)
    settings: RecordedSettings
    idea_schema: str = Field(default="", max_length=MAX_SCHEMA)
    births: list[RecordedBirth] = Field(max_length=MAX_BIRTHS)
    choices: list[RecordedChoice] = Field(default_factory=list, max_length=MAX_ROWS)
    pairs: list[tuple[Number, Number]] = Field(default_factory=list, max_length=MAX_ROWS)
    places: dict[TalkId, Number] = Field(default_factory=dict, max_length=MAX_BIRTHS)
    one_shots: int = Field(default=0, ge=0, le=MAX_BIRTHS)
    answers: list[RecordedAnswer] = Field(default_factory=list, max_length=MAX_ROWS)
    failures: dict[Key, Reason] = Field(default_factory=dict, max_length=MAX_ROWS)
    files: dict[FilePath, Key] = Field(default_factory=dict, max_length=3 * MAX_BIRTHS)

    @model_validator(mode="after")
    def _nothing_is_there_twice(self) -> Self:
        seen: dict[str, Iterable[Any]] = {
            "birth": (one.number for one in self.births),
            "agent": (one.name for one in self.births),
            "idea": self.places.values(),
            "answer": (one.key for one in self.answers),
            "choice": ((one.kind, one.agent, one.conversation, one.nth) for one in self.choices),
        }
        for what, values in seen.items():
            every = list(values)
            if len(set(every)) != len(every):
                raise ValueError(f"there are two {what}s of one number or name")
        if any(first == second for first, second in self.pairs):
            raise ValueError("an idea was compared with itself")
        return self
