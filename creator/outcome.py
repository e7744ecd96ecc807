"""What a run came to: the record that the terminal, `run.json` and the report are made from."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.protocol import Idea

SCHEMA_VERSION: Final = 1
"""The version of `run.json`. It changes when an older reader would misread a newer file."""

ExitCode = Literal[0, 1, 2, 3, 130]


class Record(BaseModel):
    """Base of all records: unknown fields are refused, values don't change after construction."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    sha256: str = ""
    """Digest of its module in hexadecimal; empty when there is none."""
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class IdeaVersion(Record):
    """One text of an idea and who wrote it."""

    author: str
    idea: Idea
    hop: int = Field(default=0, ge=0)
    """How many colleagues the idea had passed when this was written; 0 for the author's own text."""


class IdeaOutcome(Record):
    """An idea with all its texts."""

    number: int = Field(ge=1)
    author: str
    refiners: list[str] = Field(default_factory=list)
    versions: list[IdeaVersion] = Field(min_length=1)
    """The author's own text first, the final one last."""
    agent_model: str = ""

    @property
    def original(self) -> Idea:
        """The author's own text."""
        return self.versions[0].idea

    @property
    def final(self) -> Idea:
        """The latest text."""
        return self.versions[-1].idea


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
    pid: int | None = None
    """The process of the run, by which a reader tells a run that goes on from one that was killed."""
    host: str = ""
    """The machine of that process."""


class RunOutcome(Record):
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
    exit_code: int
    reason: str = ""
    """Why the exit code is not 0, in one line."""
    interrupted: bool = False
    directory: Path

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


def exit_code_for(asked: int, ideas: int, interrupted: bool = False) -> ExitCode:
    """The exit code of a run.

    Args:
        asked: How many ideas the user asked for.
        ideas: How many exist.
        interrupted: Whether the user or a signal ended the run.

    Returns:
        130 when interrupted, else 0 for all ideas, 3 for some, 1 for none.
    """
    if interrupted:
        return 130
    if ideas >= asked:
        return 0
    return 3 if ideas else 1
