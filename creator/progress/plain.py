"""Progress without control codes: a line per milestone, for log files and pipes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from creator.progress import AgentState, Limits
from creator.progress.counts import Counts
from creator.text import clean

_LINE: int = 600


class PlainProgress:
    """Writes a line when something has been reached. A stream that went away is not the run's fault."""

    def __init__(self, asked: int, stream: TextIO, limits: Limits | None = None) -> None:
        self._counts = Counts(asked, limits)
        self._stream = stream
        self._finished = False
        self._held: list[str] | None = None
        """Lines that wait until a person has answered; None while nobody is asked."""

    def say(self, line: str) -> None:
        """Show a line."""
        self._write(clean(line, _LINE))

    def stage(self, name: str) -> None:
        """Show the stage."""
        self._write(clean(name, 80))

    def agent(self, name: str, state: AgentState, reason: str = "") -> None:
        """Show agents that live or failed; that one was written or checked is only counted."""
        counts = self._counts
        counts.note(name, state)
        if state == "live":
            self._write(f"live {counts.of('live')}/{counts.asked}: {clean(name, 64)}")
        elif state == "failed":
            self._write(f"failed: {clean(name, 64)}: {clean(reason, 300) or 'no reason given'}")

    def idea(self, number: int, author: str, title: str) -> None:
        """Show the idea."""
        self._counts.ideas += 1
        self._write(f"idea {self._counts.ideas}/{self._counts.asked}: {clean(title, 80)} ({clean(author, 64)})")

    def known(self, ideas: int) -> None:
        """Count them."""
        self._counts.ideas = ideas

    def refined(self, author: str, refiner: str) -> None:
        """Show who refined whose idea."""
        self._counts.refined += 1
        self._write(f"refined: {clean(author, 64)} -> {clean(refiner, 64)}")

    def judged(self, done: int, planned: int) -> None:
        """Show how far the judges have come, after each tenth of the comparisons."""
        if self._counts.judge(done, planned):
            self._write(self._counts.judging)

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
        reached = f"ideas {counts.ideas}/{counts.asked}, refined {counts.refined}, failed {counts.of('failed')}"
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
