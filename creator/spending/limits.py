"""The limits of a run in words: what each counts, and which option raises it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from creator.settings import SpawnSettings

Kind = Literal["tokens", "cost", "messages", "agents", "seconds"]

WARNED_AT: Final = 0.8
"""The part of a limit from which on people are warned."""

_OPTIONS: Final[Mapping[Kind, str]] = {
    "tokens": "--max-tokens",
    "cost": "--max-cost",
    "messages": "--max-messages",
    "agents": "--max-agents",
    "seconds": "--deadline",
}


@dataclass(frozen=True)
class Limits:
    """What a run may spend; None for as much as it takes.

    Attributes:
        tokens: Of models, read and written.
        cost: US dollars.
        messages: Requests that agents send.
        agents: Births, where the user set a limit.
        births: Births in any case, so that agents cannot ask for colleagues without end.
        seconds: From the first birth on.
    """

    tokens: int | None = None
    cost: float | None = None
    messages: int | None = None
    agents: int | None = None
    births: int | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, settings: SpawnSettings) -> Limits:
        """Those that the settings ask for."""
        return cls(
            tokens=settings.max_tokens,
            cost=settings.max_cost,
            messages=settings.max_messages,
            agents=settings.max_agents,
            births=settings.most_births,
            seconds=settings.deadline,
        )


@dataclass(frozen=True)
class Spent:
    """What an earlier life of the run has spent.

    Attributes:
        tokens: By account.
        cost: US dollars by account.
        messages: By agent.
        births: The numbers of all births that were begun.
        seconds: How long it went on.
    """

    tokens: Mapping[str, int] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)
    messages: Mapping[str, int] = field(default_factory=dict)
    births: Iterable[int] = ()
    seconds: float = 0.0


def amount(kind: Kind, much: float) -> str:
    """So much of something in words, such as ``20,000 tokens``."""
    match kind:
        case "cost":
            return f"{much:,.6f}".rstrip("0").rstrip(".") + " US dollars"
        case "seconds":
            return f"{much:g} s"
        case _:
            return f"{much:,.0f} {kind if much != 1 else kind[:-1]}"


def named(kind: Kind, limit: float) -> str:
    """A limit in words, such as ``the limit of 20,000 tokens``."""
    return f"the {'deadline' if kind == 'seconds' else 'limit'} of {amount(kind, limit)}"


def reached_line(kind: Kind, limit: float) -> str:
    """What is said of a limit that ends a run."""
    return f"{named(kind, limit)} is reached ({_OPTIONS[kind]})"


def warning_line(kind: Kind, spent: float, limit: float) -> str:
    """What is said of a limit that is about to be reached."""
    return f"{amount(kind, spent)} of {amount(kind, limit)} are used ({_OPTIONS[kind]})"


def share_line(kind: Kind, limit: float) -> str:
    """What is said to an agent that may spend no more, while others may."""
    return f"its fair share of {amount(kind, limit)} is used up ({_OPTIONS[kind]})"


def way_on(limit: str, run_id: str) -> str:
    """The command that goes on with a run which a limit has ended.

    Args:
        limit: The line of `reached_line`.
        run_id: The run's.
    """
    option = re.search(r"\((--[a-z-]+)\)$", limit)
    return f"python -m creator runs resume {run_id}{f' {option[1]} MORE' if option is not None else ''}"
