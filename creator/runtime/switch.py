"""The message switch: gives requests to their recipients and answers back, and knows what became of each.

It speaks no gRPC: clients come with their grants, messages go into their queues. Everything runs on one event loop,
and nothing between reading a message and queueing it waits, so the tables need no locks.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

from creator.runtime.client import Client, Pending
from creator.runtime.credentials import Grant, Role
from creator.runtime.pace import Pace
from creator.runtime.records import Admission, Counters, Exchange, Limits, Refusal
from creator.runtime.rules import chain_after
from creator.runtime.topics import Topics
from creator.runtime.traces import joined_trace, trace_of
from sandbox.errors import (
    BY_CODE,
    MAX_ERROR_CHARACTERS,
    HandlerFailed,
    MessageTooLarge,
    MessagingError,
    NameTaken,
    Overloaded,
    PermissionDenied,
    RecipientLost,
    RecipientNotFound,
)
from sandbox.runtime.deadlines import Deadlines
from sandbox.runtime.wire import CANCEL, MAX_HEAD_BYTES, MAX_NAME_CHARACTERS, error_message

MAX_TIMEOUT: Final = 3_600.0
"""Seconds; the longest time that a request is remembered."""

REFUSALS_TOLD: Final = 50
"""Of each client and kind so many refusals are told one by one; the further ones are only counted."""

_ERROR_SIZE: Final = 512
"""What an error counts for in a queue, in bytes."""


class Switch:
    """The tables and rules of one host.

    Args:
        limits: Bounds on sizes, numbers and rates.
        hop_limit: How many agents may pass an idea on, one after the other.
        topics: The topic types that clients of a role may publish to and subscribe to; trusted ones may all.
        on_exchange: Called for every request that ended.
        on_refusal: Called with client and reason for what is refused.
        admit: Called before a request of a cell is passed on, with the name of the agent with whom the conversation
            began; what it raises, a `MessagingError`, is the answer instead.
    """

    def __init__(
        self,
        limits: Limits,
        hop_limit: int,
        topics: dict[Role, frozenset[str]],
        on_exchange: Callable[[Exchange], None] | None,
        on_refusal: Callable[[str, str], None] | None,
        admit: Callable[[str], None] | None = None,
    ) -> None:
        self.limits = limits
        self._owners: dict[str, Client] = {}
        self._hop_limit = hop_limit
        self.topics = Topics(limits, topics, self._owners.get, self.refusal)
        self._on_exchange = on_exchange
        self._on_refusal = on_refusal
        self._admit_agent = admit
        self._clients: dict[str, Client] = {}
        self._paces: dict[str, Pace] = {}
        self._arrivals: dict[str, asyncio.Event] = {}
        self._deadlines: Deadlines[Pending] = Deadlines(lambda pending: self._withdraw(pending, "DeadlineExceeded"))
        self._newest = 0
        self._refused: Counter[Refusal] = Counter()
        self._told: Counter[tuple[str, Refusal]] = Counter()
        self._delivered = self._ended = 0

    # Clients and names

    def pace_of(self, grant: Grant) -> Pace | None:
        """How fast a client is served; None when it is trusted."""
        if grant.role == "trusted":
            return None
        pace = self._paces.get(grant.client)
        if pace is None:
            agents = len(grant.types) if grant.types else 1
            rate, burst = self.limits.cell_messages_per_second * agents, self.limits.cell_burst * agents
            pace = self._paces[grant.client] = Pace(rate, burst)
        return pace

    def client(self, label: str) -> Client | None:
        """The connected client of this label."""
        return self._clients.get(label)

    def clients(self) -> list[Client]:
        """All connected clients."""
        return list(self._clients.values())

    def connect(self, client: Client) -> None:
        """A client has connected; NameTaken when its label is connected already."""
        label = client.grant.client
        if label in self._clients:
            raise NameTaken("this client is connected already")
        self._clients[label] = client

    async def disconnect(self, client: Client) -> None:
        """Forget a client: what it had to answer fails, what it asked is withdrawn, its names are free."""
        if self._clients.get(client.grant.client) is not client:
            return
        del self._clients[client.grant.client]
        for name in list(client.types):
            await self.unregister(client, name, f"{name!r} went away before it answered")
        for pending in list(client.to_answer.values()):
            self._fail(pending, RecipientLost(f"{pending.request.target.type!r} went away before it answered"))
        for pending in list(client.asking.values()):
            self._withdraw(pending, "Cancelled")
        await self.topics.forget(client)

    def register(self, client: Client, name: str) -> None:
        """Give a client a name; raises `PermissionDenied` or `NameTaken`."""
        if not name or not client.grant.allows(name):
            raise self.refusal(client, "registration", f"this client may not register {name[:64]!r}")
        if name in self._owners:
            raise NameTaken(f"Agent type {name} already registered.")
        self._owners[name] = client
        client.types.add(name)
        self._arrivals.setdefault(name, asyncio.Event()).set()

    async def unregister(self, client: Client, name: str, reason: str) -> None:
        """Take a name from the client that has it, and its subscriptions with it."""
        self.replace(client, name, reason)
        del self._owners[name]
        client.types.discard(name)
        self._arrivals.pop(name, None)
        await self.topics.forget(client, name)

    def replace(self, client: Client, name: str, reason: str) -> None:
        """Fail what the agents behind a client's name have not answered; the name stays."""
        if self._owners.get(name) is not client:
            raise self.refusal(client, "registration", f"this client has no agents named {name[:64]!r}")
        for pending in [one for one in client.to_answer.values() if one.request.target.type == name]:
            client.withdraw(pending)
            self._fail(pending, RecipientLost(reason))

    async def arrival(self, name: str) -> None:
        """Wait until an agent is registered under ``name``."""
        while name not in self._owners:
            await self._arrivals.setdefault(name, asyncio.Event()).wait()

    def admission(self, name: str, message_id: str | None) -> Admission:
        """What is known of a request that the agent ``name`` is answering; empty when it is none."""
        owner = self._owners.get(name)
        pending = owner.to_answer.get(message_id or "") if owner is not None else None
        return pending.admission if pending is not None else Admission()

    def unanswered(self, name: str) -> int:
        """How many requests the agents behind a name have not answered."""
        owner = self._owners.get(name)
        return owner.to_answer_by_name[name] if owner is not None else 0

    def counters(self) -> Counters:
        """What is going on, and what has been done so far."""
        return Counters(
            clients=len(self._clients),
            agents=len(self._owners),
            subscriptions=len(self.topics.subscriptions.subscriptions),
            pending=sum(len(client.asking) for client in self._clients.values()),
            queued_bytes=sum(client.outbox.bytes for client in self._clients.values()),
            delivered=self._delivered,
            ended=self._ended,
            published=self.topics.published,
            refused=dict(self._refused),
        )

    # Messages

    def receive(self, client: Client, message: pb.Message, size: int) -> bool:
        """Handle one message that a client has sent; True when it is an answer that it was asked for.

        Args:
            client: Who sent it.
            message: The message; it may go on to another client, changed.
            size: Its size on the wire, in bytes. Asking a protobuf message for it costs as much as writing it.
        """
        match message.WhichOneof("message"):
            case "request" if message.request.method == CANCEL:
                pending = client.asking.get(message.request.request_id)
                if pending is not None:
                    self._withdraw(pending, "Cancelled")
            case "request":
                self._request(client, message, size)
            case "response":
                return self._response(client, message, size)
            case "cloudEvent":
                self.topics.publish(client, message, size)
        return False

    def _request(self, client: Client, message: pb.Message, size: int) -> None:
        """Give a request to its recipient, or answer it with the reason why not."""
        request = message.request
        caller_id = request.request_id[:MAX_NAME_CHARACTERS]
        try:
            admission = self._admit(client, request, size)
            callee = self._owners.get(request.target.type)
            if callee is None:
                raise RecipientNotFound(f"no agent is named {request.target.type[:64]!r}")
            if (
                callee.to_answer_by_name[request.target.type] >= self.limits.pending_per_recipient
                or not callee.has_room(size)
            ):  # fmt: skip
                raise self.refusal(client, "overload", f"{request.target.type!r} has too much to do", Overloaded)
            if self._admit_agent is not None and client.grant.role == "cell":
                self._admit_agent(admission.chain[0])
        except MessagingError as error:
            self._report(client, request, size, Admission(), type(error).__name__)
            client.outbox.put(error_message(caller_id, error), _ERROR_SIZE)
            return
        self._newest = admission.number = self._newest + 1
        host_id = f"r{self._newest}"
        now = time.monotonic()
        pending = Pending(client, caller_id, callee, host_id, request, admission, size, now)
        self._deadlines.add(pending, now + admission.timeout)
        client.asking[caller_id] = pending
        client.asking_bytes += size
        callee.begin(pending)
        # The message itself goes on; a copy of a large one would cost more than all the rest.
        request.request_id = host_id
        metadata = request.metadata
        trace = trace_of(request) if client.grant.role == "trusted" else joined_trace(request, admission.parent)
        metadata.clear()
        metadata["timeout"] = f"{admission.timeout:.3f}"
        if admission.conversation:
            metadata["conversation"] = admission.conversation
        for field, value in trace.items():
            metadata[field] = value
        self._delivered += 1
        pending.entry = callee.outbox.put(message, size)

    def _admit(self, client: Client, request: pb.RpcRequest, size: int) -> Admission:
        """What a request that may pass belongs to; raises the reason when it may not pass."""
        grant, limits = client.grant, self.limits
        trusted = grant.role == "trusted"
        source, target = request.source.type, request.target.type
        if not (grant.allows(source) or (trusted and not request.HasField("source"))):
            raise self.refusal(client, "sender", f"this client may not send as {source[:64]!r}")
        if size > limits.message_bytes + MAX_HEAD_BYTES:
            text = f"{size} bytes; the limit is {limits.message_bytes}"
            raise self.refusal(client, "size", text, MessageTooLarge)
        names = (request.request_id, source, request.source.key, target, request.target.key)
        if max(map(len, names)) > MAX_NAME_CHARACTERS:
            text = f"an id or a name has more than {MAX_NAME_CHARACTERS} characters"
            raise self.refusal(client, "size", text, MessageTooLarge)
        most = limits.pending_per_client if trusted else limits.pending_per_cell
        if len(client.asking) >= most or client.asking_bytes + size > limits.queued_bytes:
            text = f"{len(client.asking)} requests of {grant.client!r} are pending"
            raise self.refusal(client, "overload", text, Overloaded)
        if request.request_id in client.asking:
            raise self.refusal(client, "sender", "a request with this id is pending already")
        timeout = _seconds(request.metadata.get("timeout", ""))
        if trusted:
            return Admission(request.metadata.get("conversation", "")[:64], (), timeout)
        parent = client.to_answer.get(request.metadata.get("parent", ""))
        before = parent.admission if parent is not None else None
        try:
            chain = chain_after(grant, source, target, request.payload.data_type, before, self._hop_limit)
        except PermissionDenied as error:
            raise self.refusal(client, "recipient", str(error)) from None
        conversation = before.conversation if before is not None else ""
        answered = parent.request if parent is not None else None
        number = parent.admission.number if parent is not None else 0
        return Admission(conversation, chain, timeout, answered, answering=number)

    def _response(self, client: Client, message: pb.Message, size: int) -> bool:
        """Give an answer to whoever asked; False, and a refusal, when nobody asked this client."""
        response = message.response
        pending = client.to_answer.get(response.request_id)
        if pending is None:
            late = client.was_withdrawn(response.request_id)
            if not late:
                self.refusal(client, "reply", "answered a request that it was not given")
            return late
        code = response.metadata.get("error", "")
        if code or response.error:
            self._fail(pending, _believed(response, code, to=pending.caller))
        elif size > self.limits.message_bytes + MAX_HEAD_BYTES:
            self.refusal(client, "size", f"an answer of {size} bytes", MessageTooLarge)
            self._fail(pending, HandlerFailed(f"the answer has {size} bytes; the limit is {self.limits.message_bytes}"))
        elif not pending.caller.has_room(size):
            self.refusal(pending.caller, "overload", "too much is queued for this client", Overloaded)
            self._fail(pending, Overloaded(f"{pending.caller.outbox.bytes} bytes wait to be sent to this client"))
        else:
            response.request_id = pending.caller_id
            response.metadata.clear()
            pending.caller.outbox.put(message, size)
            self._end(pending, "ok", response)
        return True

    def _fail(self, pending: Pending, error: MessagingError) -> None:
        """Answer a request with an error."""
        pending.caller.outbox.put(error_message(pending.caller_id, error), _ERROR_SIZE)
        self._end(pending, type(error).__name__)

    def _withdraw(self, pending: Pending, outcome: str) -> None:
        """Nobody waits for an answer any more: the deadline passed, the caller cancelled or went away."""
        pending.callee.withdraw(pending)
        self._end(pending, outcome)

    def _end(self, pending: Pending, outcome: str, answer: pb.RpcResponse | None = None) -> None:
        caller = pending.caller
        caller.asking.pop(pending.caller_id, None)
        caller.asking_bytes -= pending.size
        pending.callee.end(pending)
        self._deadlines.discard(pending)
        self._ended += 1
        if self._on_exchange is not None:
            latency = time.monotonic() - pending.started
            self._report(caller, pending.request, pending.size, pending.admission, outcome, latency, answer)

    # Telling

    def refusal(
        self, client: Client | str, kind: Refusal, text: str, error: type[MessagingError] = PermissionDenied
    ) -> MessagingError:
        """Count and record that something was refused; the error is the caller's to raise or to drop."""
        label = client if isinstance(client, str) else client.grant.client
        self._refused[kind] += 1
        if self._on_refusal is not None and kind != "overload":
            self._told[label, kind] += 1
            if self._told[label, kind] <= REFUSALS_TOLD:
                self._on_refusal(label, text)
        return error(text)

    def _report(
        self,
        client: Client,
        request: pb.RpcRequest,
        size: int,
        admission: Admission,
        outcome: str,
        latency: float = 0.0,
        response: pb.RpcResponse | None = None,
    ) -> None:
        if self._on_exchange is None:
            return
        grant = client.grant
        source = request.source.type
        if not grant.allows(source) or (grant.types is None and not source):
            source = grant.client
        self._on_exchange(
            Exchange(
                source=source,
                target=request.target.type[:64],
                type=request.payload.data_type[:64],
                conversation=admission.conversation,
                chain=admission.chain,
                outcome=outcome,
                latency=latency,
                size=size,
                number=admission.number,
                answering=admission.answering,
                until=self._newest,
                _request=request,
                _response=response,
            )
        )


def _seconds(text: str) -> float:
    """A time-out as a client gives it, within bounds; the longest when there is none, 0 when it makes no sense."""
    if not text:
        return MAX_TIMEOUT
    try:
        seconds = float(text[:32])
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), MAX_TIMEOUT) if math.isfinite(seconds) else 0.0


def _believed(response: pb.RpcResponse, code: str, *, to: Client) -> MessagingError:
    """A client's error, as far as it is believed: what only the host can say becomes a failure of its handler."""
    known = BY_CODE.get(code, HandlerFailed)
    text = response.error[:MAX_ERROR_CHARACTERS]
    if known is not HandlerFailed and not known.by_host:
        return known(text)
    # Frames name files and lines of the process that failed; only a trusted caller gets to see them.
    frames = response.metadata.get("traceback", "") if to.grant.role == "trusted" else ""
    return HandlerFailed(text, response.metadata.get("type", "")[:200], frames[:MAX_ERROR_CHARACTERS])
