"""An agent that waits for a decision, as the files of its run show it."""

from __future__ import annotations

from dataclasses import dataclass

from creator.authors import checked
from creator.errors import EnvironmentFault, PolicyViolation, UsageError
from creator.files import digest
from creator.ledger.view import RunView, load_birth
from creator.modules import load_agent
from creator.origin import origin_of
from creator.outcome import AgentOutcome
from creator.review.base import Candidate


@dataclass(frozen=True)
class Waiting:
    """An agent that waits.

    Attributes:
        candidate: What is decided about.
        earlier: What was found in the tries before, a line each.
        problem: Why it cannot be approved as it is; empty when it can.
    """

    candidate: Candidate
    earlier: tuple[str, ...]
    problem: str


def waiting(view: RunView, agent: AgentOutcome) -> Waiting:
    """What there is to see of an agent that waits.

    Raises:
        EnvironmentFault: Its files or the ledger are missing or damaged.
    """
    directory = view.outcome.directory
    draft = load_agent(directory / "agents", agent.name)
    blueprint, found = draft.blueprint, digest(draft.source)
    attempts = load_birth(directory, agent).attempts
    try:
        example: str | None = origin_of(directory, agent, draft.source)[0]
    except (UsageError, EnvironmentFault):
        example = None
    candidate = Candidate(
        name=agent.name,
        persona=blueprint.persona,
        sector=blueprint.sector,
        role=blueprint.brief.role,
        author=blueprint.author,
        template=blueprint.template,
        attempt=agent.attempts,
        source=draft.source,
        template_source=example,
        slots=blueprint.slots,
        findings=tuple(what for attempt, stage, what in attempts if (attempt, stage) == (agent.attempts, "author")),
        sha256=found,
    )
    earlier = tuple(f"try {attempt}, {stage}: {what}" for attempt, stage, what in attempts if attempt < agent.attempts)
    return Waiting(candidate, earlier, _problem(draft.source, agent, found))


def _problem(source: str, agent: AgentOutcome, found: str) -> str:
    if found != agent.sha256:
        return "The module was changed since it was checked, and nobody can approve it: reject it."
    try:
        checked(source, agent.name)
    except PolicyViolation as error:
        return f"The policy of this release refuses the module: {error}"
    return ""
