"""A connected client, as the host sees it."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from typing import Any, Final

from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

from creator.runtime.credentials import Grant
from creator.runtime.records import Admission, Limits
from sandbox.wire import CANCEL

WITHDRAWN_KEPT: Final = 1_024
"""How many withdrawn requests a client may still answer without being taken for a forger."""


@dataclass(eq=False)
class Pending:
    """A request that was given to its recipient and is not answered yet."""

    caller: Client
    caller_id: str
    callee: Client
    host_id: str
    request: pb.RpcRequest
    admission: Admission
    size: int
    started: float
    timer: asyncio.TimerHandle | None = None


class Client:
    """One connected client: its grant, what waits to be sent to it, what it asks and what it has to answer.

    Args:
        grant: What it may do.
        limits: The host's bounds.
    """

    def __init__(self, grant: Grant, limits: Limits) -> None:
        self.grant = grant
        self.asking: dict[str, Pending] = {}
        """Unanswered requests of this client, by its own ids."""
        self.asking_bytes = 0
        self.to_answer: dict[str, Pending] = {}
        """Requests that this client has to answer, by the host's ids."""
        self.to_answer_by_name: Counter[str] = Counter()
        self.types: set[str] = set()
        """Names that it has registered."""
        self.subscriptions: set[str] = set()
        """Ids of its subscriptions."""
        self.queued_bytes = 0
        self._withdrawn: OrderedDict[str, None] = OrderedDict()
        self._queue: deque[tuple[pb.Message, int] | None] = deque()
        self._limits = limits
        self._ready = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        agents = len(grant.types) if grant.types else 1
        self._rate = limits.cell_messages_per_second * agents
        self._burst = float(limits.cell_burst * agents)
        self._tokens = self._burst
        self._refilled = asyncio.get_running_loop().time()

    def send(self, message: pb.Message, size: int) -> None:
        """Queue a message of ``size`` bytes for this client."""
        self._queue.append((message, size))
        self.queued_bytes += size
        self._ready.set()
        if self.queued_bytes > self._limits.queued_bytes:
            self._room.clear()

    def has_room(self, size: int) -> bool:
        """Whether ``size`` more bytes may be queued for this client."""
        return self.queued_bytes + size <= self._limits.queued_bytes

    def close(self) -> None:
        """End the connection once everything queued is sent."""
        self._queue.append(None)
        self._ready.set()

    async def write_to(self, context: Any) -> None:
        """Write what is queued to the client's stream, until `close`."""
        queue = self._queue
        while True:
            while not queue:
                self._ready.clear()
                await self._ready.wait()
            item = queue.popleft()
            if item is None:
                return
            message, size = item
            await context.write(message)
            self.queued_bytes -= size
            if self.queued_bytes <= self._limits.queued_bytes:
                self._room.set()

    async def may_be_read(self, *, free: bool) -> None:
        """Wait until the host should read this client's next message.

        A client that does not read its answers is not read either, so that they cannot pile up; one that is not
        trusted is read at a bounded rate.

        Args:
            free: Whether the last message does not count, because it was asked for.
        """
        if not self._room.is_set():
            await self._room.wait()
        if free or self.grant.role == "trusted":
            return
        now = asyncio.get_running_loop().time()
        self._tokens = min(self._burst, self._tokens + (now - self._refilled) * self._rate)
        self._refilled = now
        self._tokens -= 1
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / self._rate)

    def begin(self, pending: Pending) -> None:
        """Note a request that this client has to answer."""
        self.to_answer[pending.host_id] = pending
        self.to_answer_by_name[pending.request.target.type] += 1

    def end(self, pending: Pending) -> None:
        """A request is answered or withdrawn."""
        self.to_answer.pop(pending.host_id, None)
        name = pending.request.target.type
        self.to_answer_by_name[name] -= 1
        if not self.to_answer_by_name[name]:
            del self.to_answer_by_name[name]

    def withdraw(self, pending: Pending) -> None:
        """Tell this client that nobody waits for its answer any more."""
        self._withdrawn[pending.host_id] = None
        if len(self._withdrawn) > WITHDRAWN_KEPT:
            self._withdrawn.popitem(last=False)
        message = pb.Message()
        message.request.request_id, message.request.method = pending.host_id, CANCEL
        self.send(message, message.ByteSize())

    def was_withdrawn(self, host_id: str) -> bool:
        """Whether this client once had to answer a request that was withdrawn; true once for each."""
        return self._withdrawn.pop(host_id, ()) is None
