"""Watching runs that go on: one look for all who watch the same run, and none while nobody does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from creator.errors import CreatorError
from creator.ledger.feed import Changes, Cursor, Standing, changes_after, head
from creator.ledger.summary import RunSummary, load_summary
from creator.ledger.view import run_state

LOOK_SECONDS: Final = 0.3
"""Between two looks at a run."""
_PART: Final = 5
"""A look that took long is followed by a pause so many times as long: a large run must not take a whole processor."""
CLOCK_SECONDS: Final = 5.0
"""Without news, after which the time and what is left of it are told anew."""
_KEPT: Final = 16
"""Steps that are kept for others who stand at the same place."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """What is new for somebody who has seen all up to a cursor.

    Attributes:
        changes: What.
        standing: Where the run stands now.
        summary: The same for the run as a whole.
        data: What was made of it for browsers, once for all of them.
    """

    changes: Changes
    standing: Standing
    summary: RunSummary
    data: str
    at: float
    """When it was read, by the monotonic clock."""


Shown = Callable[[Path, Changes, Standing, RunSummary], str]
"""Makes of what is new what a browser is sent."""


class Watch:
    """One run that is watched.

    Nothing is kept for each of the watchers but their own cursor: a slow one gets more in one step later, and nobody
    has a queue that could grow.

    Args:
        directory: The run's folder.
        shown: Makes what browsers are sent; it runs in a thread.
    """

    def __init__(self, directory: Path, shown: Shown) -> None:
        self._directory = directory
        self._shown = shown
        self._head: Cursor | None = None
        self._ended = False
        self._news = asyncio.Event()
        self._reading = asyncio.Lock()
        self._steps: OrderedDict[Cursor, Step] = OrderedDict()
        self.watchers = 0
        self.task: asyncio.Task[None] | None = None

    async def look_again_and_again(self) -> None:
        """Look until the run has ended."""
        while not self._ended:
            begun = time.monotonic()
            try:
                # In this order: what is written between the two is seen by the second.
                state = await asyncio.to_thread(run_state, self._directory)
                now = await asyncio.to_thread(head, self._directory)
            except CreatorError:
                _log.warning("A run cannot be read.", exc_info=True)
            else:
                if now != self._head or state != "running":
                    self._head, self._ended = now, state != "running"
                    self._news.set()
                    self._news = asyncio.Event()
            await asyncio.sleep(max(LOOK_SECONDS, _PART * (time.monotonic() - begun)))

    async def step_after(self, cursor: Cursor) -> Step | None:
        """What is new, as soon as there is something; None once the run has ended and all of it was seen.

        A step without changes comes when nothing happened for a while: time goes on all the same.

        Raises:
            CreatorError: The ledger cannot be read.
        """
        while True:
            news = self._news
            if self._head is not None and self._head.is_beyond(cursor):
                return await self._step(cursor)
            if self._ended:
                return None
            try:
                async with asyncio.timeout(CLOCK_SECONDS):
                    await news.wait()
            except TimeoutError:
                return await self._step(cursor)

    async def _step(self, cursor: Cursor) -> Step:
        async with self._reading:
            step = self._steps.get(cursor)
            if step is None or self._is_old(step):
                step = await asyncio.to_thread(self._read, cursor)
                self._steps[cursor] = step
                if len(self._steps) > _KEPT:
                    self._steps.popitem(last=False)
            return step

    def _is_old(self, step: Step) -> bool:
        if self._head is not None and self._head.is_beyond(step.changes.cursor):
            return not step.changes.more
        return time.monotonic() - step.at >= CLOCK_SECONDS

    def _read(self, cursor: Cursor) -> Step:
        changes, standing = changes_after(self._directory, cursor)
        summary = load_summary(self._directory)
        data = self._shown(self._directory, changes, standing, summary)
        return Step(changes, standing, summary, data, time.monotonic())


class Watches:
    """All runs that somebody watches.

    Args:
        shown: Makes of what is new what a browser is sent.
    """

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._watches: dict[Path, Watch] = {}

    @property
    def watched(self) -> int:
        """How many runs are looked at."""
        return len(self._watches)

    @asynccontextmanager
    async def watching(self, directory: Path) -> AsyncIterator[Watch]:
        """Watch a run, together with all others who do."""
        watch = self._watches.setdefault(directory, Watch(directory, self._shown))
        watch.watchers += 1
        if watch.task is None:
            watch.task = asyncio.create_task(watch.look_again_and_again())
        try:
            yield watch
        finally:
            watch.watchers -= 1
            if not watch.watchers:
                if self._watches.get(directory) is watch:
                    del self._watches[directory]
                watch.task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watch.task
