"""What the user sees while a run goes on."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol, TextIO

AgentState = Literal["written", "checked", "pending", "live", "failed"]
Stage = Literal["starting", "spawning", "judging", "reporting"]


@dataclass(frozen=True)
class Limits:
    """What a run may spend on models, to be shown beside what it has spent.

    Attributes:
        tokens: Read and written; None for no limit.
        cost: US dollars; None for no limit.
    """

    tokens: int | None = None
    cost: float | None = None


class Progress(Protocol):
    """Told what happens as it happens. No call blocks or raises for the sake of the display."""

    def say(self, line: str) -> None:
        """A line worth reading, such as what isolation the run has."""

    def stage(self, name: Stage) -> None:
        """The run has come to its next stage."""

    def agent(self, name: str, state: AgentState, reason: str = "") -> None:
        """An agent has come to a state; ``reason`` says why it failed."""

    def idea(self, number: int, author: str, title: str) -> None:
        """An idea is complete."""

    def known(self, ideas: int) -> None:
        """The run is gone on with: so many ideas are there already."""

    def refined(self, author: str, refiner: str) -> None:
        """An agent's idea came back from a colleague."""

    def message(self, source: str, target: str, what: str) -> None:
        """One agent wrote to another, and got an answer or none: ``what`` says so, after their names."""

    def conversation(self, change: Literal[1, -1]) -> None:
        """One more agent is at work on its idea, alone or with colleagues, or one fewer."""

    def judged(self, done: int, planned: int) -> None:
        """Judges have made so many comparisons of those that are planned so far."""

    def tokens(self, prompt: int, completion: int, cost: float | None = None) -> None:
        """The tokens of the run so far, read and written, and what they cost in US dollars; None when unknown."""

    def suspend(self) -> AbstractContextManager[None]:
        """Leave the terminal to a person who is asked something; what is told meanwhile is shown afterwards."""
        ...

    def finish(self) -> None:
        """The run is over: leave the terminal as it was. Safe to call more than once."""


class SilentProgress:
    """Shows nothing."""

    def say(self, line: str) -> None:
        """Nothing."""

    def stage(self, name: Stage) -> None:
        """Nothing."""

    def agent(self, name: str, state: AgentState, reason: str = "") -> None:
        """Nothing."""

    def idea(self, number: int, author: str, title: str) -> None:
        """Nothing."""

    def known(self, ideas: int) -> None:
        """Nothing."""

    def refined(self, author: str, refiner: str) -> None:
        """Nothing."""

    def message(self, source: str, target: str, what: str) -> None:
        """Nothing."""

    def conversation(self, change: Literal[1, -1]) -> None:
        """Nothing."""

    def judged(self, done: int, planned: int) -> None:
        """Nothing."""

    def tokens(self, prompt: int, completion: int, cost: float | None = None) -> None:
        """Nothing."""

    def suspend(self) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()

    def finish(self) -> None:
        """Nothing."""


def make_progress(asked: int, *, quiet: bool, stream: TextIO, limits: Limits | None = None) -> Progress:
    """The display that fits the stream.

    Args:
        asked: How many agents the run is to have.
        quiet: Show nothing.
        stream: Where to show it; a live display on a terminal, else a line per milestone.
        limits: What the run may spend; None for no limit.
    """
    if quiet:
        return SilentProgress()
    from rich.console import Console

    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    if console.is_terminal and not console.is_dumb_terminal:
        from creator.progress.terminal import RichProgress

        return RichProgress(asked, console, limits)
    from creator.progress.plain import PlainProgress

    return PlainProgress(asked, stream, limits)
