"""Runs that this server is about to start, or to open again, and what came of that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from creator.errors import CreatorError, UsageError
from creator.house import end_tasks
from creator.text import clean

MOST_AT_ONCE: Final = 4
"""Runs that are being started at the same time; each loads what a run needs."""
MOST_KEPT: Final = 100
"""Of those that have begun or failed, so many are remembered."""


@dataclass
class Launch:
    """A run that is being started.

    Attributes:
        task: Waits until it has begun.
        values: What its form said, to show that again when it fails.
        run: Its folder, once it has begun.
        problem: Why it did not begin, in one line; empty while nothing is known against it.
    """

    task: asyncio.Task[None]
    values: Mapping[str, str] = field(default_factory=dict)
    run: Path | None = None
    problem: str = ""

    @property
    def is_under_way(self) -> bool:
        """Whether it has neither begun nor failed."""
        return self.run is None and not self.problem


class Launches:
    """All launches of this server, by keys of their users' choice. To be used within its event loop."""

    def __init__(self) -> None:
        self._launches: dict[str, Launch] = {}

    def begin(self, key: str, work: Callable[[], Awaitable[Path]], values: Mapping[str, str] | None = None) -> Launch:
        """Begin to start a run; the one of the same key that is under way goes on instead.

        Args:
            key: Names it.
            work: Starts the run and gives its folder.
            values: What its form said.

        Raises:
            UsageError: Too many are under way.
        """
        known = self._launches.get(key)
        if known is not None and known.is_under_way:
            return known
        if sum(one.is_under_way for one in self._launches.values()) >= MOST_AT_ONCE:
            raise UsageError(f"{MOST_AT_ONCE} runs are being started already: wait until one of them has begun.")
        self._launches.pop(key, None)
        for old in [key for key, one in self._launches.items() if not one.is_under_way][: -MOST_KEPT or None]:
            del self._launches[old]
        launch = Launch(asyncio.create_task(self._watch(key, work)), dict(values or {}))
        self._launches[key] = launch
        return launch

    async def _watch(self, key: str, work: Callable[[], Awaitable[Path]]) -> None:
        try:
            run, problem = await work(), ""
        except CreatorError as error:
            run, problem = None, clean(str(error), 1_000)
        except asyncio.CancelledError:
            self._launches[key].problem = "It was cancelled before it began."
            raise
        except Exception as error:  # one run must not take the server with it
            run, problem = None, clean(f"internal error: {type(error).__name__}: {error}", 500)
        launch = self._launches[key]
        launch.run, launch.problem = run, problem

    def get(self, key: str) -> Launch | None:
        """The launch of a key."""
        return self._launches.get(key)

    async def cancel(self, key: str) -> None:
        """Give up one that is under way, and return once nothing of it is left."""
        launch = self._launches.get(key)
        if launch is not None and launch.is_under_way:
            await end_tasks(launch.task)

    async def close(self) -> None:
        """Give up all that are under way: nobody would know of them any more."""
        await end_tasks(*(one.task for one in self._launches.values()))
