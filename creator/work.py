"""Work: whether anybody in a run does something but wait for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any


class Work:
    """Counts who is at work."""

    def __init__(self) -> None:
        self._busy = 0
        self._over = asyncio.Event()
        self._going_on = asyncio.Event()

    async def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Do a piece of work; it counts until it has ended."""
        self._change(1)
        try:
            await work
        finally:
            work.close()  # one that was cancelled before it began
            self._change(-1)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Whoever is in here waits for a person, who may take days."""
        self._change(-1)
        try:
            yield
        finally:
            self._change(1)

    async def idle(self, timeout: float | None = None) -> bool:
        """Wait until everybody has ended or waits for a person, and tell whether that is so.

        Args:
            timeout: Seconds to wait at most; None for as long as it takes.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._over.wait()
                while self._busy:  # somebody has begun since this was woken
                    await self._over.wait()
        except TimeoutError:
            return False
        return True

    async def resumed(self) -> None:
        """Wait until somebody is at work."""
        await self._going_on.wait()

    def _change(self, by: int) -> None:
        self._busy += by
        was, now = (self._going_on, self._over) if self._busy == 0 else (self._over, self._going_on)
        was.clear()
        now.set()
