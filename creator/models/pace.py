"""How many calls to a model go on side by side: as many as its server takes, found out as the run goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from creator.errors import RetryableModelError
from creator.text import clean

FIRST_PAUSE: Final = 0.2
"""Seconds without a new try after a server was overloaded; twice as long each time until something succeeds."""
MAX_PAUSE: Final = 20.0
MAX_ASKED_PAUSE: Final = 120.0
"""Seconds that a provider may make all calls wait; one that asks for more is tried again after these."""
MAX_REASON: Final = 200


@dataclass(frozen=True)
class Clock:
    """Time, as tests may want to have it otherwise.

    Attributes:
        now: Seconds since any moment, never going back.
        sleep: Waits so many seconds.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Pace:
    """Lets so many tries through at once, in the order in which they came; fewer when the server is overloaded.

    It begins with the most, halves the number when the server says that it is overloaded, and adds one after as many
    successes as there are places (additive increase, multiplicative decrease, as TCP does it: RFC 5681). Tries that
    were under way at the last halving tell nothing new, so it halves once a round trip. Nobody starts a try while
    the server asks to wait.

    Args:
        most: How many at most.
        clock: Whose time counts.
        say: Told in one line when the server is overloaded for the first time since all places were free.
    """

    def __init__(self, most: int, clock: Clock | None = None, say: Callable[[str], None] | None = None) -> None:
        self._most = self._limit = most
        self._clock = clock or Clock()
        self._say = say
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._active = 0
        self._successes = 0
        self._round = 0
        self._rounds_lost = 0
        self._resume = 0.0

    @property
    def limit(self) -> int:
        """How many tries may be under way at this moment; at least 1."""
        return self._limit

    @property
    def active(self) -> int:
        """How many tries are under way."""
        return self._active

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place, and hold it for one try; what the try raises tells how the server does."""
        async with self._turn:  # only the first in the queue waits here, and nobody gets past it
            await self._wait()
            self._active += 1
        begun = self._round
        try:
            yield
        except RetryableModelError as error:
            if error.trouble == "overloaded":
                self._overloaded(error, begun)
            raise
        else:
            self._succeeded()
        finally:
            self._active -= 1
            self._changed.set()

    async def _wait(self) -> None:
        while True:
            pause = self._resume - self._clock.now()
            if pause > 0:
                await self._clock.sleep(pause)
            elif self._active < self._limit:
                return
            else:
                self._changed.clear()
                await self._changed.wait()

    def _overloaded(self, error: RetryableModelError, begun: int) -> None:
        now = self._clock.now()
        if error.retry_after is not None:
            self._resume = max(self._resume, now + min(error.retry_after, MAX_ASKED_PAUSE))
        if begun != self._round:
            return
        before = self._limit
        # Of those under way: places that nobody uses don't tell what the server takes.
        self._limit = max(1, min(self._limit, self._active) // 2)
        self._resume = max(self._resume, now + min(FIRST_PAUSE * 2 ** min(self._rounds_lost, 10), MAX_PAUSE))
        self._round += 1
        self._rounds_lost += 1
        self._successes = 0
        if before == self._most and self._say is not None:
            reason = clean(str(error), MAX_REASON).rstrip(".")
            self._say(f"the model's server has too much to do ({reason}): fewer calls at once until it has less")

    def _succeeded(self) -> None:
        self._rounds_lost = 0
        if self._active < self._limit or self._limit == self._most:
            return
        self._successes += 1
        if self._successes >= self._limit:
            self._limit += 1
            self._successes = 0
