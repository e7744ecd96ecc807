"""Where a run stands, as the page tells it: in words, in numbers, and what is left of its limits."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from creator.errors import EnvironmentFault
from creator.ledger.counters import Counters
from creator.ledger.summary import RunSummary
from creator.ledger.view import RunView
from creator.outputs import stored_settings
from creator.progress.counts import duration
from creator.spending.limits import WARNED_AT, way_on
from creator.spending.words import UNKNOWN, dollars
from creator.text import clean

_LONGEST: Final = 10**8
"""Seconds; whatever a damaged record says, no run took longer."""


class RunLimits(BaseModel):
    """What a run was allowed to spend; None for as much as it takes."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    max_tokens: int | None = Field(default=None, ge=1)
    max_cost: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_messages: int | None = Field(default=None, ge=1)
    deadline: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @classmethod
    def of(cls, directory: Path) -> RunLimits:
        """Those that stand in a run's settings; none where those cannot be read."""
        try:
            return cls.model_validate(stored_settings(directory))
        except (EnvironmentFault, ValidationError):
            return cls()


@dataclass(frozen=True)
class Meter:
    """What was spent of something.

    Attributes:
        name: Of what.
        spent: How much, in words.
        left: What is left of the limit, in words; empty where there is none.
        share: The part of the limit that is used, up to 1; None where there is none.
    """

    name: str
    spent: str
    left: str = ""
    share: float | None = None

    @property
    def near(self) -> bool:
        """Whether most of it is used."""
        return self.share is not None and self.share >= WARNED_AT


def meters(summary: RunSummary, counters: Counters, limits: RunLimits) -> list[Meter]:
    """What was spent, and what is left."""
    tokens, cost = counters.tokens, counters.cost
    seconds = min(summary.elapsed_s, _LONGEST)
    # The deadline is counted from the first birth on, and what came before a run was gone on with is counted, too.
    begun = counters.first_birth
    working = min(seconds, max(0.0, time.time() - begun)) if summary.state == "running" and begun else seconds
    found = [
        _meter("Tokens", f"{tokens:,}", tokens, limits.max_tokens, "{:,.0f}"),
        _meter("Cost", UNKNOWN if cost is None else dollars(cost), cost, limits.max_cost, "$"),
    ]
    if limits.max_messages is not None:
        sent = counters.agents_messages
        found.append(_meter("Messages of agents", f"{sent:,}", sent, limits.max_messages, "{:,.0f}"))
    found.append(_meter("Time", duration(seconds), working, limits.deadline, "s"))
    return found


def _meter(name: str, spent: str, used: float | None, limit: float | None, form: str) -> Meter:
    if limit is None or used is None:
        return Meter(name, spent)
    left = max(0.0, limit - used)
    if form == "s":
        text = f"{duration(min(math.ceil(left), _LONGEST))} of {duration(min(limit, _LONGEST))} left"
    elif form == "$":
        text = f"{dollars(left)} of {dollars(limit)} left"
    else:
        text = f"{form.format(left)} of {form.format(limit)} left"
    return Meter(name, spent, text, min(1.0, used / limit))


def stage(summary: RunSummary, counters: Counters) -> str:
    """What is going on, or how it ended, in a sentence or two."""
    if summary.state != "running":
        return _ended(summary)
    said = []
    if counters.pending:
        said.append(f"{_many(counters.pending, 'agent waits', 'agents wait')} for your review.")
    if counters.judged:
        said.append(f"Judges compare the ideas, in round {counters.round}.")
    elif counters.being_born and not counters.ideas:
        said.append(
            f"{_many(counters.being_born, 'agent is', 'agents are')} being written and brought to life,"
            f" {counters.live:,} of {counters.births:,} live already."
        )
    elif counters.ideas < summary.asked and counters.live:
        said.append(f"The agents work on their ideas: {counters.ideas:,} of {summary.asked:,} are there.")
        if counters.being_born:
            said.append(f"{_many(counters.being_born, 'more is', 'more are')} being born.")
    elif counters.ideas:
        said.append("All ideas are there; the run is coming to its end.")
    return " ".join(said) or "The run begins: the model and the sandbox are being made ready."


def _ended(summary: RunSummary) -> str:
    made = f"{summary.ideas:,} of {summary.asked:,} ideas exist"
    if summary.state == "lost":
        return f"The process of this run is gone, and it left no result. {made}."
    if summary.limit:
        return f"A limit ended the run: {clean(summary.limit, 200)}. {made}."
    if summary.interrupted:
        return f"The run was interrupted. {made}."
    if summary.exit_code == 0:
        return f"The run has ended: all {summary.asked:,} ideas exist."
    return (
        f"The run has ended. {made}: {clean(summary.reason, 400)}" if summary.reason else f"The run has ended. {made}."
    )


def state_in_words(run: RunSummary | RunView) -> str:
    """A run's state in a word or two."""
    if run.state == "running":
        return "going on"
    if run.state == "lost":
        return "lost"
    end = run if isinstance(run, RunSummary) else run.outcome
    if end.limit:
        return "ended by a limit"
    if end.interrupted:
        return "interrupted"
    return {0: "complete", 3: "complete in part", 1: "without ideas"}.get(end.exit_code or 0, "ended")


def command_to_go_on(summary: RunSummary) -> str:
    """The command that goes on with a run which did not come to its end; empty where there is none to give."""
    if summary.state == "finished" and summary.limit:
        return way_on(summary.limit, summary.run_id)
    if summary.state == "lost" or (summary.state == "finished" and summary.interrupted):
        return f"python -m creator runs resume {summary.run_id}"
    return ""


def _many(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"
