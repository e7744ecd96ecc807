"""What both displays count."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Literal

from creator.progress import AgentState, Limits, Stage
from creator.progress.eta import Countdown, Estimator, Phase
from creator.spending.words import spent

Activity = Literal["starting", "writing", "life", "conversations", "judging", "reporting"]
"""What a run does most of at a time; several of them go on side by side."""
Standing = Literal["to come", "going on", "done"]

_SETTLED: Final[frozenset[AgentState]] = frozenset({"pending", "live", "failed"})


class Counts:
    """The state of a run in numbers.

    Args:
        asked: How many agents the run is to have.
        limits: What it may spend; None for no limit.
        clock: Gives seconds that only go forward.
    """

    def __init__(self, asked: int, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.asked = asked
        self.stage: Stage = "starting"
        self.ideas = 0
        self.refined = 0
        self.conversations = 0
        """How many agents are at work on their ideas now."""
        self.spent = ""
        """What models have cost so far, in words; empty before the first call."""
        self.judged = 0
        self.planned = 0
        self._judges = False
        """Whether ideas are compared in this run."""
        self._limits = limits or Limits()
        self._reached: dict[str, set[AgentState]] = {}
        self._clock = clock
        self._started = clock()
        self._estimator = Estimator(self._started)
        self._countdown = Countdown()

    def note(self, name: str, state: AgentState) -> None:
        """An agent has come to a state. One that failed no longer counts as live."""
        states = self._reached.setdefault(name, set())
        if states.isdisjoint(_SETTLED) and state in _SETTLED:
            self._estimator.note("births", self._clock())
        elif state == "failed" and "live" in states:
            self._estimator.note("ideas", self._clock())
        if state == "failed":
            states.discard("live")
        elif state == "live":
            states |= {"written", "checked"}
            states -= {"failed", "pending"}
        states.add(state)

    def of(self, state: AgentState) -> int:
        """How many agents have come to this state."""
        return sum(state in states for states in self._states)

    @property
    def _states(self) -> list[set[AgentState]]:
        """What each agent has come to; a copy, as a display may look at it from a thread of its own."""
        return list(self._reached.values())

    @property
    def total(self) -> int:
        """How many agents, and ideas, there will be as far as is known: colleagues come on top of those asked for."""
        return max(self.asked, self.of("live"), self.ideas)

    def add_idea(self) -> None:
        """An idea is complete."""
        self.ideas += 1
        self._estimator.note("ideas", self._clock())

    def spend(self, prompt: int, completion: int, cost: float | None) -> None:
        """Models have read and written so many tokens, for so many US dollars; None when a price is unknown."""
        self.spent = spent(prompt, completion, cost, self._limits.tokens, self._limits.cost)

    def judge(self, done: int, planned: int) -> bool:
        """Judges have come so far; True when another tenth of what is planned is done."""
        before = _tenths(self.judged, planned)
        self._judges = True
        self._estimator.note("judging", self._clock(), done - self.judged)
        self.judged, self.planned = done, planned
        return _tenths(done, planned) > before

    @property
    def judging(self) -> str:
        """How far the judges have come; empty before they began."""
        return f"{self.judged:,} of {self.planned:,} comparisons" if self.planned else ""

    @property
    def begun(self) -> bool:
        """Whether there is an agent yet."""
        return bool(self._reached)

    @property
    def activity(self) -> Activity:
        """What the run does most of now."""
        if self.stage != "spawning":
            return self.stage
        standing = self.standings
        if standing["conversations"] == "going on":
            return "conversations"
        return "life" if standing["writing"] == "done" else "writing"

    @property
    def standings(self) -> dict[Activity, Standing]:
        """How it stands with each activity that this run has, but its start, in the order in which they begin."""
        settled = self._settled
        over = self.stage == "reporting"
        found: dict[Activity, Standing] = {
            "writing": _standing(self._written, self.total, self.stage != "starting", over),
            "life": _standing(settled, self.total, self.of("checked") > 0, over),
            "conversations": _standing(self._with_outcome, self.total, bool(self.conversations or self.ideas), over),
        }
        if self._judges:
            judging = self.stage == "judging" or 0 < self.judged < self.planned
            found["judging"] = "done" if over else ("going on" if judging else "to come")
        found["reporting"] = "going on" if over else "to come"
        return found

    @property
    def elapsed(self) -> str:
        """Time since the start, such as ``1:05``."""
        return duration(self._clock() - self._started)

    @property
    def to_go(self) -> str:
        """How long it will still take, in words; empty while nothing is known of that."""
        now = self._clock()
        return self._countdown.words(self._estimator.remaining(self._left(), now), now)

    @property
    def _settled(self) -> int:
        return sum(not states.isdisjoint(_SETTLED) for states in self._states)

    @property
    def _written(self) -> int:
        """Agents that nobody has to write any more; one that was given up may never have come so far."""
        return sum("written" in states or not states.isdisjoint(_SETTLED) for states in self._states)

    @property
    def _with_outcome(self) -> int:
        """Agents whose idea is there, or does not come."""
        return self.ideas + self.of("failed") + self.of("pending")

    def _left(self) -> dict[Phase, int | None]:
        total = self.total
        ideas = max(0, total - self._with_outcome)
        left: dict[Phase, int | None] = {"births": max(0, total - self._settled), "ideas": ideas}
        if self._judges:
            # More comparisons are planned as ideas come in.
            planned = round(self.planned * total / self.ideas) if ideas and self.ideas else self.planned
            left["judging"] = None if ideas and not self.planned else max(0, planned - self.judged)
        return left


def _standing(done: int, total: int, begun: bool, over: bool) -> Standing:
    if over or done >= total:
        return "done"
    return "going on" if begun else "to come"


def _tenths(done: int, planned: int) -> int:
    return 10 * done // planned if planned > 0 else 0


def duration(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
