"""Agents that write agents: the trusted side.

For a Python program everything is here, by name; docs/reference/python.md tells how it is used::

    from creator import spawn

    outcome = await spawn(5, objective="…", model="openai:gpt-4.1-mini", max_cost=0.5)

Nothing is imported before it is asked for, so that the command line stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from creator.api import Limits, SpawnOptions, TalkOptions, open_run, resume, run_ids, spawn, talking
    from creator.errors import CreatorError, EnvironmentFault, UsageError
    from creator.ledger.view import RunView
    from creator.outcome import AgentOutcome, Estimate, IdeaOutcome, RunOutcome
    from creator.progress import Progress, SilentProgress
    from creator.reporting.idea_rows import RankedIdea, ranked_ideas
    from creator.review.base import Candidate, Reviewer, Verdict
    from creator.settings import SpawnSettings
    from creator.spawning import Consent
    from creator.talk import NoAnswer, Talk

__version__ = "0.1.0"

__all__ = [
    "AgentOutcome",
    "Candidate",
    "Consent",
    "CreatorError",
    "EnvironmentFault",
    "Estimate",
    "IdeaOutcome",
    "Limits",
    "NoAnswer",
    "Progress",
    "RankedIdea",
    "Reviewer",
    "RunOutcome",
    "RunView",
    "SilentProgress",
    "SpawnOptions",
    "SpawnSettings",
    "Talk",
    "TalkOptions",
    "UsageError",
    "Verdict",
    "__version__",
    "open_run",
    "ranked_ideas",
    "resume",
    "run_ids",
    "spawn",
    "talking",
]

_NAMES: Final = {
    "api": ("Limits", "SpawnOptions", "TalkOptions", "open_run", "resume", "run_ids", "spawn", "talking"),
    "errors": ("CreatorError", "EnvironmentFault", "UsageError"),
    "ledger.view": ("RunView",),
    "outcome": ("AgentOutcome", "Estimate", "IdeaOutcome", "RunOutcome"),
    "progress": ("Progress", "SilentProgress"),
    "reporting.idea_rows": ("RankedIdea", "ranked_ideas"),
    "review.base": ("Candidate", "Reviewer", "Verdict"),
    "settings": ("SpawnSettings",),
    "spawning": ("Consent",),
    "talk": ("NoAnswer", "Talk"),
}
"""By module: what of it is public."""
_HOMES: Final = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import what is public when it is asked for."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    """What is public, and what has been imported."""
    return sorted({*__all__, *globals()})
