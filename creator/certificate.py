"""The birth certificate of an agent: what it was asked to be, how its module came to be, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from creator.blueprint import Blueprint
from creator.briefs import Brief
from creator.files import digest, read_within
from creator.ledger.view import RunView, load_birth
from creator.outcome import AgentOutcome, Record

FileState = Literal["unchanged", "changed", "missing", "unknown"]
"""Whether an agent's file holds the module that is on record; ``unknown`` where the record tells of none."""
FILE_STATES: Final[Mapping[FileState, str]] = {
    "unchanged": "is the module on record",
    "changed": "was changed after it was checked",
    "missing": "is not there",
    "unknown": "nobody can say: the record has no digest",
}
"""What is to be said of the file, in words."""


class Try(Record):
    """What was found on the way to a birth.

    Attributes:
        attempt: Which try it was, from 1.
        stage: Where in it, such as ``policy``.
        finding: What.
    """

    attempt: int
    stage: str
    finding: str


class Decided(Record):
    """What a person decided about the agent."""

    decision: str
    why: str


class Moment(Record):
    """When something happened to the agent."""

    at: datetime
    what: str


class Certificate(Record):
    """The birth certificate.

    Attributes:
        agent: The agent as the run has it on record.
        brief: What it was asked to be; None when its blueprint is missing or damaged.
        persona: Its name for people; empty without a blueprint.
        model: What filled or wrote its module; empty without a blueprint.
        tries: What was found on the way, in order.
        decisions: What people decided, in order.
        history: What happened to it, in order.
        born: When it first came to life; None when it never did.
        path: Its module.
        file: Whether that still is the module on record.
        ideas: Number and title of each of its ideas.
        refined: The numbers of the ideas of others that it refined.
    """

    agent: AgentOutcome
    brief: Brief | None
    persona: str
    model: str
    tries: list[Try]
    decisions: list[Decided]
    history: list[Moment]
    born: datetime | None
    path: Path
    file: FileState
    ideas: dict[int, str]
    refined: list[int]


def certificate_of(view: RunView, agent: AgentOutcome) -> Certificate:
    """The birth certificate of an agent of a run.

    Raises:
        EnvironmentFault: The run's ledger is missing, damaged or of another version.
    """
    outcome = view.outcome
    birth = load_birth(outcome.directory, agent)
    blueprint = read_blueprint(outcome.directory, agent.name)
    history = [Moment(at=at, what=what) for at, what in birth.history]
    return Certificate(
        agent=agent,
        brief=blueprint.brief if blueprint is not None else None,
        persona=blueprint.persona if blueprint is not None else "",
        model=blueprint.model if blueprint is not None else "",
        tries=[Try(attempt=attempt, stage=stage, finding=finding) for attempt, stage, finding in birth.attempts],
        decisions=[Decided(decision=decision, why=why) for decision, why in birth.decisions],
        history=history,
        born=next((moment.at for moment in history if moment.what == "live"), None),
        path=outcome.directory / "agents" / f"{agent.name}.py",
        file=file_state(outcome.directory, agent),
        ideas={idea.number: idea.final.title for idea in outcome.ideas if idea.author == agent.name},
        refined=[idea.number for idea in outcome.ideas if agent.name in idea.contributors],
    )


def file_state(directory: Path, agent: AgentOutcome) -> FileState:
    """Whether the file of an agent still holds the module that its run has on record.

    Args:
        directory: The run's folder.
        agent: The agent.
    """
    try:
        data = read_within(directory, f"agents/{agent.name}.py")
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError):
        return "changed"  # into something that is no module: a link, a folder, something huge
    if not agent.sha256:
        return "unknown"
    return "unchanged" if digest(data) == agent.sha256 else "changed"


def read_blueprint(directory: Path, name: str) -> Blueprint | None:
    """The blueprint of an agent of a run; None when it is missing or damaged.

    Args:
        directory: The run's folder.
        name: The agent's name, checked.
    """
    try:
        return Blueprint.model_validate_json(read_within(directory, f"agents/{name}.json"))
    except (OSError, ValueError):
        return None
