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

    @property
    def is_idle(self) -> bool:
        """Whether everybody has ended or waits for a person."""
        return self._over.is_set()

    async def idle(self) -> None:
        """Wait until everybody has ended or waits for a person."""
        await self._over.wait()

    def _change(self, by: int) -> None:
        self._busy += by
        if self._busy == 0:
            self._over.set()
        else:
            self._over.clear()
