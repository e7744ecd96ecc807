"""What both displays count."""

from __future__ import annotations

import time

from creator.progress import AgentState, Limits
from creator.spending.words import spent


class Counts:
    """The state of a run in numbers.

    Args:
        asked: How many agents the run is to have.
        limits: What it may spend; None for no limit.
    """

    def __init__(self, asked: int, limits: Limits | None = None) -> None:
        self.asked = asked
        self.ideas = 0
        self.refined = 0
        self.spent = ""
        """What models have cost so far, in words; empty before the first call."""
        self.judged = 0
        self.planned = 0
        self._limits = limits or Limits()
        self._reached: dict[str, set[AgentState]] = {}
        self._started = time.monotonic()

    def note(self, name: str, state: AgentState) -> None:
        """An agent has come to a state. One that failed no longer counts as live."""
        states = self._reached.setdefault(name, set())
        if state == "failed":
            states.discard("live")
        elif state == "live":
            states |= {"written", "checked"}
            states.discard("failed")
        states.add(state)

    def of(self, state: AgentState) -> int:
        """How many agents have come to this state."""
        return sum(state in states for states in self._reached.values())

    def spend(self, prompt: int, completion: int, cost: float | None) -> None:
        """Models have read and written so many tokens, for so many US dollars; None when a price is unknown."""
        self.spent = spent(prompt, completion, cost, self._limits.tokens, self._limits.cost)

    def judge(self, done: int, planned: int) -> bool:
        """Judges have come so far; True when another tenth of what is planned is done."""
        before = _tenths(self.judged, planned)
        self.judged, self.planned = done, planned
        return _tenths(done, planned) > before

    @property
    def judging(self) -> str:
        """How far the judges have come; empty before they began."""
        return f"judging {self.judged:,} of {self.planned:,} comparisons" if self.planned else ""

    @property
    def begun(self) -> bool:
        """Whether there is an agent yet."""
        return bool(self._reached)

    @property
    def elapsed(self) -> str:
        """Time since the start, such as ``1:05``."""
        return duration(time.monotonic() - self._started)


def _tenths(done: int, planned: int) -> int:
    return 10 * done // planned if planned > 0 else 0


def duration(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
