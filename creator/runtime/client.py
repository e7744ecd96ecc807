"""A connected client, as the host sees it."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Final

from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

from creator.runtime.credentials import Grant
from creator.runtime.records import Admission, Limits
from sandbox.runtime.outbox import Entry, Outbox
from sandbox.runtime.wire import CANCEL

WITHDRAWN_KEPT: Final = 1_024
"""How many withdrawn requests a client may still answer without being taken for a forger."""


@dataclass(eq=False, slots=True)
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
    entry: Entry = field(default_factory=list)


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
        self.outbox = Outbox(limits.queued_bytes)
        """What waits to be sent to it."""
        self._withdrawn: OrderedDict[str, None] = OrderedDict()

    def has_room(self, size: int) -> bool:
        """Whether ``size`` more bytes may wait to be sent to this client."""
        return self.outbox.bytes + size <= self.outbox.bound

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
        """Nobody waits for this client's answer any more; it is told so, unless it was not even asked yet."""
        if self.outbox.take_back(pending.entry):
            return
        self._withdrawn[pending.host_id] = None
        if len(self._withdrawn) > WITHDRAWN_KEPT:
            self._withdrawn.popitem(last=False)
        message = pb.Message()
        message.request.request_id, message.request.method = pending.host_id, CANCEL
        self.outbox.put(message, message.ByteSize())

    def was_withdrawn(self, host_id: str) -> bool:
        """Whether this client once had to answer a request that was withdrawn; true once for each."""
        return self._withdrawn.pop(host_id, ()) is None
