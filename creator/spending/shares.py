"""Fair shares: who still has to deliver an idea, so that a part of each limit is kept for it until then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from sandbox.protocol import BASELINE, CREATOR, JUDGE, LIKENESS

COMMON: Final = frozenset({CREATOR, JUDGE, BASELINE, LIKENESS})
"""Accounts that are no agent's: what they spend makes everybody's share smaller."""

_behalf: Final[ContextVar[str]] = ContextVar("behalf", default="")


@contextmanager
def on_behalf_of(name: str) -> Iterator[None]:
    """What is spent in here counts for this agent's share: it is its idea that somebody works on.

    Args:
        name: The agent with whom the conversation began; empty for whoever spends.
    """
    token = _behalf.set(name)
    try:
        yield
    finally:
        _behalf.reset(token)


def share_holder(account: str) -> str:
    """Whose share is spent when something is spent on an account."""
    return account if account in COMMON else _behalf.get() or account


class Shares:
    """The agents of a run as far as they have a share.

    All shares are equal: what the common accounts, and agents of an earlier life of the run, leave of a limit, divided
    by all agents that were ever expected and those of the generations to come. It is kept for an agent until that has
    delivered its idea or is gone.
    """

    def __init__(self) -> None:
        self.awaited: dict[int, str] = {}
        """Who still has to deliver, by number of the birth; the name is empty until it is born."""
        self.later = 0
        """How many are to be expected in generations to come."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when something may have become free."""
        self.known: set[str] = set()
        """Whoever was born, whether it has delivered or not."""
        self.being_written = 0
        """How many agents the Creator is asked for at this moment."""
        self._idle: Counter[str] = Counter()
        self._ever: set[int] = set()
        self._names: set[str] = set()

    @property
    def count(self) -> int:
        """How many shares there are; at least one."""
        return max(1, len(self._ever) + self.later)

    @property
    def names(self) -> set[str]:
        """Those who are born and still have to deliver."""
        return self._names

    @property
    def at_work(self) -> bool:
        """Whether anybody who is born still has to deliver, and does not itself wait for a birth."""
        return any(not self._idle[name] for name in self._names)

    @contextmanager
    def waiting_for_birth(self, name: str) -> Iterator[None]:
        """This agent does nothing in here but wait for another to be born."""
        self._idle[name] += 1
        self.on_change()
        try:
            yield
        finally:
            self._idle[name] -= 1

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The Creator is asked for an agent in here; what came of it is told right after."""
        self.being_written += 1
        try:
            yield
        finally:
            self.being_written -= 1

    @property
    def unborn(self) -> int:
        """How many of those who still have to deliver have no name yet."""
        return len(self.awaited) - len(self._names)

    def plan(self, later: int) -> None:
        """So many are to be expected in generations to come."""
        self.later = later
        self.on_change()

    def expect(self, number: int) -> None:
        """This birth is about to begin."""
        self._ever.add(number)
        self._set(number, "")

    def born(self, number: int, name: str) -> None:
        """It is alive; a share that was given up meanwhile is kept for it again."""
        self._ever.add(number)
        self.known.add(name)
        self._set(number, name)

    def done(self, number: int) -> None:
        """It has delivered, is gone, or waits for a person: nothing is kept for it any more."""
        if number in self.awaited:
            del self.awaited[number]
            self._changed()

    def _set(self, number: int, name: str) -> None:
        self.awaited[number] = name
        self._changed()

    def _changed(self) -> None:
        self._names = {name for name in self.awaited.values() if name}
        self.on_change()
