from collections.abc import AsyncIterator
from typing import Any

from sandbox.protocol import Idea


class OneShots:
    tokens = 0

    def __init__(self, *a: Any, **k: Any) -> None: ...
    async def first(self, count: int) -> AsyncIterator[Idea]:
        for i in range(0):
            yield Idea(title="x")

    async def more(self, until: int, most: int) -> AsyncIterator[Idea]:
        for i in range(0):
            yield Idea(title="x")
