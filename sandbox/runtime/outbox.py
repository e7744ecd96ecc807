"""What waits to be written to a stream."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

Entry = list[Any]
"""A waiting message and its size in bytes; None and 0 once it is on its way or taken back."""


class Outbox:
    """Messages in the order in which they go out. One task writes them, so that nobody who sends has to wait.

    Args:
        bound: Bytes that may wait; more can be put in, but `room` makes it known.
    """

    def __init__(self, bound: float = math.inf) -> None:
        self.bound = bound
        self.bytes = 0
        """How many bytes wait, the message that is being written included."""
        self._queue: deque[Entry | None] = deque()
        self._writing = False
        self._writer: asyncio.Future[None] | None = None
        self._watchers: list[asyncio.Future[None]] = []

    def put(self, message: pb.Message, size: int = 0) -> Entry:
        """Let a message of ``size`` bytes go out; `take_back` takes what this returns."""
        entry = [message, size]
        self._queue.append(entry)
        self.bytes += size
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)
        return entry

    def take_back(self, entry: Entry) -> bool:
        """Don't let a message go out after all; False when it is on its way already."""
        message, size = entry
        if message is None:
            return False
        entry[0], entry[1] = None, 0
        self.bytes -= size
        return True

    def close(self) -> None:
        """Let `write_to` end once everything is written."""
        self._queue.append(None)
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    async def write_to(self, write: Callable[[pb.Message], Awaitable[None]]) -> None:
        """Write one message after the other, until `close`."""
        loop = asyncio.get_running_loop()
        queue = self._queue
        while True:
            if not queue:
                self._writer = loop.create_future()
                await self._writer
            entry = queue.popleft()
            if entry is None:
                return
            message, size = entry
            if message is not None:
                entry[0] = None
                self._writing = True
                await write(message)
                self._writing = False
                self.bytes -= size
            if self._watchers:
                self._tell()

    async def room(self) -> None:
        """Wait until no more than the bound waits."""
        while self.bytes > self.bound:
            await self._change()

    async def drained(self) -> None:
        """Wait until everything is written."""
        while self._queue or self._writing:
            await self._change()

    async def _change(self) -> None:
        watcher: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watchers.append(watcher)
        await watcher

    def _tell(self) -> None:
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            if not watcher.done():
                watcher.set_result(None)
