"""What a run came to: the record that the terminal, `run.json` and the report are made from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from sandbox.protocol import JUDGE, Idea

SCHEMA_VERSION: Final = 1
"""The version of `run.json`. It changes when an older reader would misread a newer file."""

ExitCode = Literal[0, 1, 2, 3, 130]


class Record(BaseModel):
    """Base of all records: unknown fields are refused, values don't change after construction."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Span(Record):
    """Between which numbers something is expected to be."""

    low: int = Field(ge=0)
    high: int = Field(ge=0)


class Dollars(Record):
    """Between which amounts of US dollars something is expected to cost."""

    low: float = Field(ge=0)
    high: float = Field(ge=0)


class Estimate(Record):
    """What a run was expected to take before it began."""

    calls: Span
    """Of models, retries not counted."""
    prompt_tokens: Span
    completion_tokens: Span
    cost: Dollars | None = None
    """None when a price is unknown."""

    @property
    def tokens(self) -> Span:
        """Read and written."""
        read, written = self.prompt_tokens, self.completion_tokens
        return Span(low=read.low + written.low, high=read.high + written.high)


class AgentOutcome(Record):
    """One agent: live, failed, or pending until a person has decided about its module."""

    name: str
    sector: str = ""
    role: str = ""
    state: Literal["live", "failed", "pending"]
    reason: str = ""
    """Why it failed, in one line; empty for a live agent."""
    attempts: int = Field(default=1, ge=0)
    number: int = Field(default=0, ge=0)
    """Of its birth, from 1; 0 in runs of earlier releases."""
    author: str = "fill"
    """How its module came to be: ``fill``, ``code`` or ``adopted``."""
    template: str = ""
    parents: list[str] = Field(default_factory=list)
    generation: int = Field(default=0, ge=0)
    """0 for agents that the user asked for and their colleagues, 1 for those bred from the best of them, and so on."""
    asked_by: str = ""
    """Who wished for it: an agent's name, ``user`` for one added while the run went on, or nobody."""
    customer: str = ""
    technology: str = ""
    sha256: str = ""
    """Digest of its module in hexadecimal; empty when there is none."""
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class IdeaVersion(Record):
    """One text of an idea and who wrote it."""

    author: str
    idea: Idea
    hop: int = Field(default=0, ge=0)
    """How many colleagues the idea had passed when this was written; 0 for the author's own first text."""
    id: int = Field(default=0, ge=0)
    """Tells the texts of a run apart, from 1; 0 in runs of earlier releases."""
    parents: list[int] = Field(default_factory=list)
    """Ids of the texts that it was made from."""


class Remark(Record):
    """What somebody said about a text, in words."""

    author: str
    kind: Literal["critique", "pro", "contra", "verdict"]
    about: int = Field(ge=0)
    """The id of the text."""
    content: str


class IdeaOutcome(Record):
    """An idea with all its texts, none of which replaces another."""

    number: int = Field(ge=1)
    author: str
    contributors: list[str] = Field(default_factory=list, validation_alias=AliasChoices("contributors", "refiners"))
    """Everybody else who wrote a text of it, or said something about one, in order."""
    versions: list[IdeaVersion] = Field(min_length=1)
    """The author's own first text first, the final one last."""
    remarks: list[Remark] = Field(default_factory=list)
    agent_model: str = ""
    conversation: str = ""
    generation: int = Field(default=0, ge=0)
    """Of its author: 0 for agents that the user asked for, 1 for those that were bred from the best of them."""
    weak: list[str] = Field(default_factory=list)
    """What plain checks found wrong with its final text, a few words each."""
    source: Literal["agent", "one-shot"] = "agent"
    """``one-shot`` for an idea of the baseline, which no agent had a part in."""

    @property
    def original(self) -> Idea:
        """The author's own first text."""
        return self.versions[0].idea

    @property
    def final(self) -> Idea:
        """The latest text."""
        return self.versions[-1].idea


class RatedIdea(Record):
    """An idea's place in a judge's order of preference."""

    number: int = Field(ge=1)
    rank: int = Field(ge=1)
    rating: float
    """Bradley-Terry strength on Elo's scale: 400 more are odds of ten to one; 1,500 is the mean of all."""
    low: float
    high: float
    """Where 95 % of the bootstrap samples lie."""
    wins: float = Field(ge=0)
    """Comparisons won; one that the judges were at odds about counts half."""
    comparisons: int = Field(ge=0)


class JudgeReport(Record):
    """How far a judge agrees with itself."""

    name: str
    model: str
    pairs: int = Field(ge=0)
    """Pairs that it judged in both orders."""
    agreed: int = Field(ge=0)
    """Pairs of which it preferred the same idea in both orders."""
    first_preferred: int = Field(default=0, ge=0)
    """Verdicts, two for each pair, that preferred the idea shown first."""
    failed: int = Field(default=0, ge=0)
    """Comparisons that it gave no verdict on."""
    at_chance: bool = False
    """Whether its agreement could be a coin's: the 95 % interval reaches down to one half."""


class Preferred(Record):
    """How likely the judges prefer a random idea of one side to a random idea of the other."""

    share: float = Field(ge=0, le=1)
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)
    """Where 95 % of the bootstrap samples lie; an interval that holds one half shows nothing."""


class BaselineReport(Record):
    """How the population did against one-shot ideas of the same model."""

    ideas: int = Field(ge=0)
    """One-shot ideas that took part: as many as the population's, where the same tokens gave so many."""
    made: int = Field(default=0, ge=0)
    """One-shot ideas that were asked for and given, those that took part included."""
    population_tokens: int = Field(ge=0)
    baseline_tokens: int = Field(ge=0)
    preferred: Preferred | None = None
    """The population's ideas against the one-shot ones; None without judging."""


class GenerationReport(Record):
    """What one generation came to, on the scale of all."""

    generation: int = Field(ge=0)
    ideas: int = Field(ge=0)
    mean_rating: float | None = None
    low: float | None = None
    high: float | None = None
    best: int | None = None
    """Number of its best idea."""
    tokens: int = Field(default=0, ge=0)
    """Tokens read and written for it, judging not counted."""
    over_first: Preferred | None = None
    """Against the ideas of generation 0."""
    over_one_shots: Preferred | None = None
    """Against one-shot ideas."""


class Ranking(Record):
    """The order of a run's ideas, and how it was found."""

    by: Literal["judge", "checks"]
    """``judge``: a judge's preference. ``checks``: plain checks alone, since no capable model was there to judge."""
    places: list[RatedIdea] = Field(default_factory=list)
    """Best first; ideas that are listed under another are left out."""
    order: list[int] = Field(default_factory=list)
    """Numbers of all ideas, best first, near-duplicates after the idea that they are listed under."""
    under: dict[int, int] = Field(default_factory=dict)
    """By number: the idea that a near-duplicate is listed under."""
    judges: list[JudgeReport] = Field(default_factory=list)
    rounds: int = Field(default=0, ge=0)
    comparisons: int = Field(default=0, ge=0)
    tokens: int = Field(default=0, ge=0)
    """Read and written by the judges."""
    note: str = ""
    """What a reader has to know of it, in one line."""


class Diversity(Record):
    """How different the agents and their ideas are, as measured."""

    agents: int = Field(ge=0)
    sectors: int = Field(ge=0)
    """Distinct ones."""
    customers: int = Field(default=0, ge=0)
    technologies: int = Field(default=0, ge=0)
    similarity: float | None = Field(default=None, ge=0, le=1)
    """Mean over all pairs of ideas, 0 for nothing in common; None below two ideas."""
    measured_by: str = ""


class Conclusion(Record):
    """What can be said of a run's ideas taken together."""

    idea_fields: list[str] = Field(default_factory=list)
    """Names of the parts of an idea, in order; empty in runs of earlier releases."""
    ranking: Ranking | None = None
    diversity: Diversity | None = None
    baseline: BaselineReport | None = None
    one_shot: list[IdeaOutcome] = Field(default_factory=list)
    """The ideas of the baseline that took part in the tournament, numbered from 100,001 on."""
    generations: list[GenerationReport] = Field(default_factory=list)
    """One for each generation when there were several."""


class StartedRun(Record):
    """What is known of a run when it starts; the ledger tells the rest until the run has ended."""

    schema_version: Literal[1] = SCHEMA_VERSION
    state: Literal["running"] = "running"
    run_id: str
    objective: str
    model: str
    sandbox: str
    isolation_line: str = ""
    asked: int = Field(ge=1)
    started: datetime
    resumed: datetime | None = None
    """When it was gone on with, last; None for one that never ended."""
    before_s: float = Field(default=0, ge=0)
    """Seconds that it took before that."""
    pid: int | None = None
    """The process of the run, by which a reader tells a run that goes on from one that was killed."""
    host: str = ""
    """The machine of that process."""
    replay_of: str = ""
    """The run that is played again; empty for one that is its own."""
    estimate: Estimate | None = None
    """What it was expected to take; None where no estimate can be made."""


class RunOutcome(Conclusion):
    """A run that has ended, whether well or not."""

    schema_version: Literal[1] = SCHEMA_VERSION
    state: Literal["finished"] = "finished"
    run_id: str
    objective: str
    model: str
    sandbox: str
    isolation_line: str = ""
    asked: int = Field(ge=1)
    agents: list[AgentOutcome] = Field(default_factory=list)
    ideas: list[IdeaOutcome] = Field(default_factory=list)
    failures: list[str] = Field(default_factory=list)
    """What went wrong, a line each, without what stands at an agent already."""
    started: datetime
    elapsed_s: float = Field(default=0, ge=0)
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    cost: float | None = Field(default=None, ge=0)
    """US dollars; None when a price is unknown, and in runs of earlier releases."""
    estimate: Estimate | None = None
    """What it was expected to take; None where no estimate can be made."""
    exit_code: int
    reason: str = ""
    """Why the exit code is not 0, in one line."""
    interrupted: bool = False
    limit: str = ""
    """The limit that ended the run before its end, in one line; empty when none did."""
    replay_of: str = ""
    """The run that was played again; empty for one that is its own."""
    directory: Path

    @property
    def conclusion(self) -> Conclusion:
        """What was said of its ideas taken together."""
        return Conclusion(**{name: getattr(self, name) for name in Conclusion.model_fields})

    @property
    def live(self) -> list[AgentOutcome]:
        """The agents that came to life."""
        return [agent for agent in self.agents if agent.state == "live"]

    @property
    def failed(self) -> list[AgentOutcome]:
        """The agents that didn't."""
        return [agent for agent in self.agents if agent.state == "failed"]

    @property
    def pending(self) -> list[AgentOutcome]:
        """The agents that wait for a person's decision."""
        return [agent for agent in self.agents if agent.state == "pending"]


def contributors_of(author: str, versions: Iterable[IdeaVersion], remarks: Iterable[Remark]) -> list[str]:
    """Every agent but the author that wrote a text or said something about one, each once, in order."""
    names = [*(one.author for one in versions), *(one.author for one in remarks)]
    return [name for name in dict.fromkeys(names) if name not in {author, JUDGE}]


def exit_code_for(asked: int, ideas: int, interrupted: bool = False, limited: bool = False) -> ExitCode:
    """The exit code of a run.

    Args:
        asked: How many ideas the user asked for.
        ideas: How many exist.
        interrupted: Whether the user or a signal ended the run.
        limited: Whether a limit ended it before its end.

    Returns:
        130 when interrupted, 3 when a limit ended it, else 0 for all ideas, 3 for some, 1 for none.
    """
    if interrupted:
        return 130
    if limited:
        return 3
    if ideas >= asked:
        return 0
    return 3 if ideas else 1
