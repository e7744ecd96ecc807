"""Progress without control codes: a line per milestone, for log files and pipes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal, TextIO

from creator.progress import AgentState, Limits, Stage
from creator.progress.counts import Counts
from creator.progress.words import STAGES
from creator.text import clean

_LINE: Final = 600
_TOLD: Final = 10
"""How often at most, in a whole run, it is said how long the rest will take."""


class PlainProgress:
    """Writes a line when something has been reached. A stream that went away is not the run's fault.

    Args:
        asked: How many agents the run is to have.
        stream: Where the lines go.
        limits: What the run may spend; None for no limit.
        clock: Gives seconds that only go forward.
    """

    def __init__(
        self,
        asked: int,
        stream: TextIO,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counts = Counts(asked, limits, clock)
        self._stream = stream
        self._finished = False
        self._told = 0
        self._to_go = ""
        """What was said last of how long it will take."""
        self._held: list[str] | None = None
        """Lines that wait until a person has answered; None while nobody is asked."""

    def say(self, line: str) -> None:
        """Show a line."""
        self._write(clean(line, _LINE))

    def stage(self, name: Stage) -> None:
        """Show the stage."""
        self._counts.stage = name
        self._write(STAGES[name])

    def agent(self, name: str, state: AgentState, reason: str = "") -> None:
        """Show agents that live or failed; that one was written or checked is only counted."""
        counts = self._counts
        counts.note(name, state)
        if state == "live":
            self._write(f"live {counts.of('live')}/{counts.total}: {clean(name, 64)}")
        elif state == "failed":
            self._write(f"failed: {clean(name, 64)}: {clean(reason, 300) or 'no reason given'}")

    def idea(self, number: int, author: str, title: str) -> None:
        """Show the idea, and from time to time how long the rest will take."""
        counts = self._counts
        counts.add_idea()
        self._write(f"idea {counts.ideas}/{counts.total}: {clean(title, 80)} ({clean(author, 64)})")
        tenth = _TOLD * counts.ideas // counts.total
        if tenth > self._told and (to_go := counts.to_go):
            self._told = tenth
            if to_go != self._to_go:
                self._to_go = to_go
                self._write(to_go)

    def known(self, ideas: int) -> None:
        """Count them."""
        self._counts.ideas = ideas

    def refined(self, author: str, refiner: str) -> None:
        """Count it; the message that it was an answer to has a line."""
        self._counts.refined += 1

    def message(self, source: str, target: str, what: str) -> None:
        """Show who wrote to whom, and why."""
        self._write(f"message: {clean(source, 64)} -> {clean(target, 64)}: {clean(what, 80)}")

    def conversation(self, change: Literal[1, -1]) -> None:
        """Count them."""
        self._counts.conversations += change

    def judged(self, done: int, planned: int) -> None:
        """Show how far the judges have come, after each tenth of the comparisons."""
        counts = self._counts
        if counts.judge(done, planned):
            to_go = counts.to_go if counts.stage == "judging" else ""
            self._write(f"judging {counts.judging}{f'; {to_go}' if to_go else ''}")

    def tokens(self, prompt: int, completion: int, cost: float | None = None) -> None:
        """Remember the totals for the last line."""
        self._counts.spend(prompt, completion, cost)

    @contextmanager
    def suspend(self) -> Iterator[None]:
        """Hold all lines back until the context ends, or the run."""
        if self._held is not None:
            yield  # someone is being asked already, and resumes it
            return
        self._held = []
        try:
            yield
        finally:
            self._release()

    def finish(self) -> None:
        """Show the counts, unless the run ended before it had any."""
        self._release()
        counts = self._counts
        if self._finished or not counts.begun:
            return
        self._finished = True
        reached = f"ideas {counts.ideas}/{counts.total}, refined {counts.refined}, failed {counts.of('failed')}"
        self._write(f"{reached}, {counts.spent or 'no model was asked'}")

    def _release(self) -> None:
        held, self._held = self._held or [], None
        for line in held:
            self._put(line)

    def _write(self, line: str) -> None:
        line = f"[{self._counts.elapsed}] {line}\n"
        if self._held is None:
            self._put(line)
        else:
            self._held.append(line)

    def _put(self, line: str) -> None:
        try:
            self._stream.write(line)
            self._stream.flush()
        except (OSError, ValueError):
            pass
