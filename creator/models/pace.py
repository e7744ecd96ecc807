"""How many calls to a model go on side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Pace:
    """Lets so many tries through at once.

    Args:
        most: How many at most.
    """

    def __init__(self, most: int) -> None:
        self._places = asyncio.Semaphore(most)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place, and hold it for one try; what the try raises tells how the server does."""
        async with self._places:
            yield
