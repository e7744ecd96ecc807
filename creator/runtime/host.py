"""The host of AutoGen's distributed runtime, as a subclass that trusts no client.

It knows every client by its credential, rewrites request ids so that nobody can answer for another, derives the
chain of a conversation from its own records instead of from what a client says, and answers in the recipient's
place when there is none, or when it went away.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import grpc
import grpc.aio
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntimeHost
from autogen_ext.runtimes.grpc._worker_runtime_host_servicer import GrpcWorkerAgentRuntimeHostServicer
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2_grpc

from creator.runtime.credentials import Credentials, Grant
from creator.runtime.records import Admission, Exchange
from sandbox.errors import (
    BY_CODE,
    ConversationEnded,
    HandlerFailed,
    MessageTooLarge,
    MessagingError,
    Overloaded,
    PermissionDenied,
    RecipientLost,
    RecipientNotFound,
)
from sandbox.protocol import CREATOR, MODEL_GATEWAY, REGISTRY, SUPERVISOR
from sandbox.runtime import CHANNEL_OPTIONS, MAX_MESSAGE_BYTES, encode_error

OPEN_TO_CELLS: Final = frozenset({REGISTRY, MODEL_GATEWAY})
"""Trusted agents that a cell may ask at any time."""

MAX_PENDING: Final = 64
"""Requests that one cell may have unanswered."""

MAX_TIMEOUT: Final = 3_600.0
"""Seconds; the longest time that a request is remembered."""


@dataclass
class _Pending:
    caller: _Client
    caller_id: str
    callee: _Client
    request: pb.RpcRequest
    admission: Admission
    started: float
    timer: asyncio.TimerHandle | None = None


class _Client:
    """One connected client: its grant, its outgoing messages, and the requests that it has to answer."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        self.outgoing: asyncio.Queue[pb.Message | None] = asyncio.Queue()
        self.to_answer: dict[str, _Pending] = {}
        self.asking = 0

    def send(self, message: pb.Message) -> None:
        self.outgoing.put_nowait(message)


class HardenedServicer(GrpcWorkerAgentRuntimeHostServicer):
    """The message switch. Everything runs on one event loop, so the tables need no locks."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        hop_limit: int,
        on_exchange: Callable[[Exchange], None] | None = None,
        on_refusal: Callable[[str, str], None] | None = None,
        on_disconnect: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self._credentials = credentials
        self._hop_limit = hop_limit
        self._on_exchange = on_exchange
        self._on_refusal = on_refusal
        self._on_disconnect = on_disconnect
        self._clients: dict[str, _Client] = {}
        self._owners: dict[str, _Client] = {}
        self._awaited: dict[str, asyncio.Event] = {}
        self._ids = itertools.count(1)

    async def OpenChannel(self, request_iterator: AsyncIterator[pb.Message], context: Any) -> AsyncIterator[pb.Message]:
        """One client's stream, from its credential to its end."""
        grant = await self._authenticate(context)
        if grant.client in self._clients:
            await self._refuse(context, grant.client, "a second connection with one credential")
        client = _Client(grant)
        self._clients[grant.client] = client
        await context.send_initial_metadata(())
        reader = asyncio.create_task(self._read(client, request_iterator))
        try:
            while (message := await client.outgoing.get()) is not None:
                yield message
        finally:
            reader.cancel()
            self._forget(client)

    async def _read(self, client: _Client, requests: AsyncIterator[pb.Message]) -> None:
        try:
            async for message in requests:
                match message.WhichOneof("message"):
                    case "request":
                        self._route(client, message.request)
                    case "response":
                        self._return(client, message.response)
                    case "cloudEvent":
                        self._record_refusal(client.grant.client, "published an event")
        finally:
            client.outgoing.put_nowait(None)

    def _forget(self, client: _Client) -> None:
        if self._clients.get(client.grant.client) is client:
            del self._clients[client.grant.client]
        for name in [name for name, owner in self._owners.items() if owner is client]:
            del self._owners[name]
        for pending in list(client.to_answer.values()):
            name = pending.request.target.type
            self._finish(pending, error=RecipientLost(f"{name!r} went away before it answered"))
        # What this client asked of others is nobody's any more; their answers are dropped in _return.
        if self._on_disconnect is not None:
            self._on_disconnect(client.grant.client)

    def _route(self, client: _Client, request: pb.RpcRequest) -> None:
        """Give a request to its recipient, or answer it with the reason why not."""
        try:
            admission = self._admit(client, request)
            callee = self._owners.get(request.target.type)
            if callee is None:
                raise RecipientNotFound(f"no agent is named {request.target.type[:64]!r}")
        except MessagingError as error:
            if isinstance(error, PermissionDenied):
                self._record_refusal(client.grant.client, str(error))
            self._report(client, request, Admission(), type(error).__name__, b"", 0.0)
            client.send(encode_error(request.request_id, error))
            return
        loop = asyncio.get_running_loop()
        host_id = f"r{next(self._ids)}"
        pending = _Pending(client, request.request_id, callee, request, admission, loop.time())
        pending.timer = loop.call_later(admission.timeout, self._expire, callee, host_id)
        callee.to_answer[host_id] = pending
        client.asking += 1
        forwarded = pb.RpcRequest()
        forwarded.CopyFrom(request)
        forwarded.request_id = host_id
        forwarded.metadata.clear()
        forwarded.metadata["timeout"] = f"{admission.timeout:.3f}"
        callee.send(pb.Message(request=forwarded))

    def _admit(self, client: _Client, request: pb.RpcRequest) -> Admission:
        """What a request that may pass belongs to; raises the reason when it may not pass."""
        grant = client.grant
        source, target = request.source.type, request.target.type
        if source not in grant.types and not (grant.role == "trusted" and not request.HasField("source")):
            raise PermissionDenied(f"this client may not send as {source[:64]!r}")
        if len(request.payload.data) > MAX_MESSAGE_BYTES:
            raise MessageTooLarge(f"{len(request.payload.data)} bytes; the limit is {MAX_MESSAGE_BYTES}")
        try:
            timeout = float(request.metadata.get("timeout", "300"))
        except ValueError:
            timeout = 0.0
        timeout = min(max(timeout, 0.0), MAX_TIMEOUT) if math.isfinite(timeout) else 0.0
        if grant.role == "trusted":
            return Admission(request.metadata.get("conversation", "")[:64], (), timeout)
        if client.asking >= MAX_PENDING:
            raise Overloaded(f"{MAX_PENDING} requests of {grant.client!r} are pending")
        parent = client.to_answer.get(request.metadata.get("parent", ""))
        before = parent.admission if parent is not None else Admission()
        chain = (*before.chain, source)
        if grant.role == "supervisor":
            if target != CREATOR:
                raise PermissionDenied(f"the supervisor may not send to {target[:64]!r}")
        elif target in OPEN_TO_CELLS:
            pass
        elif target in (CREATOR, SUPERVISOR):
            raise PermissionDenied(f"{source!r} may not send to {target!r}")
        elif parent is None:
            raise PermissionDenied(f"{source!r} may send to a colleague only while it answers a request")
        elif target in chain:
            raise ConversationEnded(f"{target[:64]!r} already took part in this conversation")
        elif len(chain) > self._hop_limit:
            raise ConversationEnded(f"the limit of {self._hop_limit} hops is reached")
        return Admission(before.conversation, chain, timeout, parent.request if parent is not None else None)

    def _return(self, client: _Client, response: pb.RpcResponse) -> None:
        """Give an answer to whoever asked; an answer that nobody asked this client for is dropped."""
        pending = client.to_answer.pop(response.request_id, None)
        if pending is None:
            return
        code = response.metadata.get("error", "")
        if not code and not response.error and len(response.payload.data) <= MAX_MESSAGE_BYTES:
            self._finish(pending, payload=response.payload)
            return
        known = BY_CODE.get(code, HandlerFailed)
        text = response.error[:2_000] or "the answer is too large"
        self._finish(pending, error=(HandlerFailed if known.by_host else known)(text))

    async def registered(self, name: str) -> None:
        """Wait until an agent has been registered under ``name``."""
        await self._awaited.setdefault(name, asyncio.Event()).wait()

    def admission(self, name: str, message_id: str | None) -> Admission:
        """What the host knows of a request that the agent ``name`` is answering; empty when it is none."""
        owner = self._owners.get(name)
        pending = owner.to_answer.get(message_id or "") if owner is not None else None
        return pending.admission if pending is not None else Admission()

    def _expire(self, callee: _Client, host_id: str) -> None:
        pending = callee.to_answer.pop(host_id, None)
        if pending is not None:
            self._finish(pending, outcome="DeadlineExceeded")

    def _finish(
        self,
        pending: _Pending,
        *,
        payload: pb.Payload | None = None,
        error: MessagingError | None = None,
        outcome: str = "ok",
    ) -> None:
        pending.caller.asking -= 1
        if pending.timer is not None:
            pending.timer.cancel()
        if payload is not None:
            response = pb.RpcResponse(request_id=pending.caller_id, payload=payload)
            pending.caller.send(pb.Message(response=response))
        elif error is not None:
            outcome = type(error).__name__
            pending.caller.send(encode_error(pending.caller_id, error))
        # An expired request is not answered: its caller's own deadline has fired.
        latency = asyncio.get_running_loop().time() - pending.started
        data = payload.data if payload is not None else b""
        self._report(pending.caller, pending.request, pending.admission, outcome, data, latency)

    def _report(
        self,
        client: _Client,
        request: pb.RpcRequest,
        admission: Admission,
        outcome: str,
        response: bytes,
        latency: float,
    ) -> None:
        if self._on_exchange is None:
            return
        source = request.source.type if request.source.type in client.grant.types else client.grant.client
        self._on_exchange(
            Exchange(
                source=source,
                target=request.target.type[:64],
                type=request.payload.data_type[:64],
                conversation=admission.conversation,
                chain=admission.chain,
                outcome=outcome,
                request=request.payload.data,
                response=response,
                latency=latency,
            )
        )

    def _record_refusal(self, client: str, reason: str) -> None:
        if self._on_refusal is not None:
            self._on_refusal(client, reason)

    async def _authenticate(self, context: Any) -> Grant:
        metadata = dict(context.invocation_metadata() or ())
        credential = metadata.get("credential", "")
        grant = self._credentials.check(credential) if isinstance(credential, str) else None
        if grant is None:
            await self._refuse(context, "unknown", "no valid credential")
        return grant

    async def _refuse(self, context: Any, client: str, reason: str) -> NoReturn:
        self._record_refusal(client, reason)
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, reason)
        raise AssertionError("abort raises")

    async def OpenControlChannel(
        self, request_iterator: AsyncIterator[pb.ControlMessage], context: Any
    ) -> AsyncIterator[pb.ControlMessage]:
        """Refused: nothing here uses AutoGen's control channel."""
        grant = await self._authenticate(context)
        await self._refuse(context, grant.client, "the control channel is closed")
        yield pb.ControlMessage()

    async def RegisterAgent(self, request: pb.RegisterAgentTypeRequest, context: Any) -> Any:
        """Register a name that the client's grant holds and nobody else has."""
        grant = await self._authenticate(context)
        client = self._clients.get(grant.client)
        if client is None or request.type not in grant.types:
            await self._refuse(context, grant.client, f"may not register {request.type[:64]!r}")
        if request.type in self._owners:
            await context.abort(grpc.StatusCode.ALREADY_EXISTS, f"the name {request.type!r} is already registered")
        self._owners[request.type] = client
        self._awaited.setdefault(request.type, asyncio.Event()).set()
        return pb.RegisterAgentTypeResponse()

    async def AddSubscription(self, request: pb.AddSubscriptionRequest, context: Any) -> Any:
        """Accept a subscription to the client's own direct messages; nothing is published to others' topics."""
        grant = await self._authenticate(context)
        subscription = request.subscription
        direct = subscription.typePrefixSubscription
        own = direct.agent_type in grant.types and direct.topic_type_prefix == f"{direct.agent_type}:"
        if subscription.WhichOneof("subscription") != "typePrefixSubscription" or not own:
            await self._refuse(context, grant.client, "may subscribe to its own direct messages only")
        return pb.AddSubscriptionResponse()

    async def RemoveSubscription(self, request: pb.RemoveSubscriptionRequest, context: Any) -> Any:
        """Accepted without effect: the host keeps no subscriptions."""
        await self._authenticate(context)
        return pb.RemoveSubscriptionResponse()

    async def GetSubscriptions(self, request: pb.GetSubscriptionsRequest, context: Any) -> Any:
        """An empty list: the host keeps no subscriptions."""
        await self._authenticate(context)
        return pb.GetSubscriptionsResponse()


class HardenedHost(GrpcWorkerAgentRuntimeHost):
    """The host on a unix socket.

    Args:
        socket: Where the socket is made; its folder decides who can reach it.
        credentials: Who may connect.
        hop_limit: How many agents may pass an idea on, one after the other.
        on_exchange: Called for every finished request.
        on_refusal: Called with client and reason for everything that is refused.
        on_disconnect: Called with the client when its stream has ended.
    """

    def __init__(
        self,
        socket: Path,
        credentials: Credentials,
        *,
        hop_limit: int = 3,
        on_exchange: Callable[[Exchange], None] | None = None,
        on_refusal: Callable[[str, str], None] | None = None,
        on_disconnect: Callable[[str], None] | None = None,
    ) -> None:
        self._socket = socket
        self._address = f"unix:{socket}"
        self._server = grpc.aio.server(options=list(CHANNEL_OPTIONS))
        self._servicer: HardenedServicer = HardenedServicer(
            credentials,
            hop_limit=hop_limit,
            on_exchange=on_exchange,
            on_refusal=on_refusal,
            on_disconnect=on_disconnect,
        )
        agent_worker_pb2_grpc.add_AgentRpcServicer_to_server(self._servicer, self._server)
        self._server.add_insecure_port(self._address)
        self._serve_task = None

    async def registered(self, name: str) -> None:
        """Wait until an agent has been registered under ``name``."""
        await self._servicer.registered(name)

    def admission(self, name: str, message_id: str | None) -> Admission:
        """What is known of a request that the agent ``name`` is answering; empty when it is none."""
        return self._servicer.admission(name, message_id)

    @property
    def address(self) -> str:
        """The gRPC address that clients connect to."""
        return self._address

    async def __aenter__(self) -> HardenedHost:
        """Serve. The socket is open to every local user: what admits a client is its credential."""
        await self._server.start()
        self._socket.chmod(0o666)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._server.stop(grace=0)
