"""What the host knows and tells of requests, and the bounds that it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

from sandbox.runtime.wire import FROZEN_AFTER, MAX_MESSAGE_BYTES

Refusal = Literal[
    "credential",
    "connection",
    "control channel",
    "registration",
    "sender",
    "recipient",
    "reply",
    "subscription",
    "topic",
    "size",
    "overload",
]
"""Why the host refused something."""


@dataclass(frozen=True)
class Limits:
    """Bounds that one host keeps.

    Attributes:
        message_bytes: Largest payload of one message.
        pending_per_client: Requests that one trusted client may have unanswered.
        pending_per_cell: The same for a client of any other role.
        pending_per_recipient: Unanswered requests to one agent.
        queued_bytes: Bytes of one client's unanswered requests, and bytes that wait to be sent to one client.
        cell_messages_per_second: How many messages and calls a cell may make in the long run, for each of its agents,
            answers that it was asked for aside; a faster one is served more slowly, so that it cannot keep the host
            from serving the others.
        cell_burst: How many it may make at once, for each of its agents.
        frozen_after: Seconds until a client that answers no pings counts as gone; None never asks.
    """

    message_bytes: int = MAX_MESSAGE_BYTES
    pending_per_client: int = 4_096
    pending_per_cell: int = 64
    pending_per_recipient: int = 4_096
    queued_bytes: int = 8 << 20
    cell_messages_per_second: float = 100.0
    cell_burst: int = 200
    frozen_after: float | None = FROZEN_AFTER


@dataclass(slots=True)
class Admission:
    """What the host knows of a request that it lets pass.

    Attributes:
        conversation: Id of the conversation; empty outside of one.
        chain: Names that the conversation passed, the sender last.
        timeout: Seconds that the recipient has.
        parent: The request that the sender was answering when it sent this one.
        number: Tells the requests of a host apart, in the order in which they came; 0 for one that did not pass.
        answering: The number of ``parent``; 0 when there is none.
    """

    conversation: str = ""
    chain: tuple[str, ...] = ()
    timeout: float = 0.0
    parent: pb.RpcRequest | None = None
    number: int = 0
    answering: int = 0


@dataclass(slots=True)
class Exchange:
    """One request and what became of it, as the host saw it.

    Attributes:
        source: Name of the sender, as granted; empty for the World itself.
        target: Name asked for; whether it exists is in ``outcome``.
        type: The request's message type.
        conversation: Id of the conversation, set by the World; empty outside of one.
        chain: Names that the conversation passed before this request, the sender last.
        outcome: ``ok``, ``Cancelled`` or the name of the error.
        latency: Seconds from request to answer.
        size: Size of the request on the wire, in bytes.
        number: Tells the requests of a host apart, in the order in which they came; 0 for one that did not pass.
        answering: The number of the request that the sender was answering; 0 when it was answering none.
        until: The number of the newest request when this one ended: those with higher ones came later.
    """

    source: str
    target: str
    type: str
    conversation: str
    chain: tuple[str, ...]
    outcome: str
    latency: float
    size: int
    number: int
    answering: int
    until: int
    _request: pb.RpcRequest = field(repr=False)
    _response: pb.RpcResponse | None = field(repr=False)

    @property
    def request(self) -> bytes:
        """The request's payload as JSON."""
        return self._request.payload.data

    @property
    def response(self) -> bytes:
        """The answer's payload as JSON; empty when there is none."""
        return self._response.payload.data if self._response is not None else b""


@dataclass(frozen=True)
class Counters:
    """What a host is doing, and has done since it was made.

    Attributes:
        clients: Connected clients.
        agents: Registered agent names.
        subscriptions: Subscriptions of connected clients.
        pending: Requests that are not answered yet.
        queued_bytes: Bytes that wait to be sent to clients.
        delivered: Requests that were given to their recipients.
        ended: Requests of these that were answered, failed or were withdrawn.
        published: Events that were given to at least one recipient.
        refused: How often something was refused, by reason.
    """

    clients: int
    agents: int
    subscriptions: int
    pending: int
    queued_bytes: int
    delivered: int
    ended: int
    published: int
    refused: Mapping[Refusal, int]
