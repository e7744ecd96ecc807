"""What the host knows and tells of a request."""

from __future__ import annotations

from dataclasses import dataclass, field

from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb


@dataclass(frozen=True)
class Admission:
    """What the host knows of a request that it lets pass.

    Attributes:
        conversation: Id of the conversation; empty outside of one.
        chain: Names that the conversation passed, the sender last.
        timeout: Seconds that the recipient has.
        parent: The request that the sender was answering when it sent this one.
    """

    conversation: str = ""
    chain: tuple[str, ...] = ()
    timeout: float = 0.0
    parent: pb.RpcRequest | None = None


@dataclass
class Exchange:
    """One request and what became of it, as the host saw it.

    Attributes:
        source: Name of the sender, as granted; empty for the World itself.
        target: Name asked for; whether it exists is in ``outcome``.
        type: The request's message type.
        conversation: Id of the conversation, set by the World; empty outside of one.
        chain: Names that the conversation passed before this request, the sender last.
        outcome: ``ok`` or the name of the error.
        request: The request's payload as JSON bytes.
        response: The answer's payload as JSON bytes; empty when it is an error.
        latency: Seconds from request to answer.
    """

    source: str
    target: str
    type: str
    conversation: str
    chain: tuple[str, ...]
    outcome: str
    request: bytes = field(repr=False)
    response: bytes = field(repr=False)
    latency: float
