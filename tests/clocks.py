"""Time that passes by being waited for, and only then."""

from __future__ import annotations

import asyncio

from creator.models.pace import Clock


class Waited:
    """A clock on which every wait is over at once.

    Attributes:
        waits: What was waited for, in seconds.
        clock: The clock.
    """

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.clock = Clock(now=lambda: sum(self.waits), sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)
