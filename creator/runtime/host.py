"""The host of AutoGen's distributed runtime, as a subclass that trusts no client.

It knows every client by its credential, rewrites request ids so that nobody can answer for another, derives the
chain of a conversation from its own records instead of from what a client says, and answers in the recipient's
place when there is none, or when it went away.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import grpc
import grpc.aio
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntimeHost
from autogen_ext.runtimes.grpc._utils import subscription_from_proto, subscription_to_proto
from autogen_ext.runtimes.grpc._worker_runtime_host_servicer import GrpcWorkerAgentRuntimeHostServicer
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2_grpc

from creator.runtime.addresses import UNIX, check_address
from creator.runtime.client import Client
from creator.runtime.credentials import Credentials, Grant, Role
from creator.runtime.pace import Pace
from creator.runtime.records import Admission, Counters, Exchange, Limits
from creator.runtime.switch import Switch
from sandbox.errors import MessagingError, NameTaken
from sandbox.runtime.current import current_task
from sandbox.runtime.wire import (
    CLIENT_ID,
    CREDENTIAL,
    MAX_NAME_CHARACTERS,
    OPERATION,
    REPLACE,
    UNREGISTER,
    Tls,
    channel_options,
    merged,
)

STREAM_COST: Final = 20.0
"""What opening a stream counts for, in messages."""

STRANGERS_PER_SECOND: Final = 20.0
"""How many of those who have no credential are refused without delay."""

STREAMS_END_SECONDS: Final = 10.0
"""How long a stopped host's streams may take to end; a thousand take about one second."""

_SERVICE: Final = pb.DESCRIPTOR.services_by_name["AgentRpc"].full_name
_STATUS: Final[Mapping[type[MessagingError], grpc.StatusCode]] = {NameTaken: grpc.StatusCode.ALREADY_EXISTS}


class HardenedServicer(GrpcWorkerAgentRuntimeHostServicer):
    """AutoGen's gRPC service: tells who calls, and hands what they send to the switch.

    Args:
        credentials: Who may connect; None admits every client, with any name that is free.
        switch: What messages are handed to.
        on_disconnect: Called with the client when its stream has ended.
    """

    def __init__(
        self, credentials: Credentials | None, switch: Switch, on_disconnect: Callable[[str], None] | None
    ) -> None:
        super().__init__()
        self._credentials = credentials
        self._switch = switch
        self._on_disconnect = on_disconnect
        self._subscription_manager = switch.topics.subscriptions
        self._strangers = Pace(STRANGERS_PER_SECOND, STRANGERS_PER_SECOND)
        self._streams: set[asyncio.Task[Any]] = set()

    async def OpenChannel(self, request_iterator: AsyncIterator[pb.Message], context: Any) -> None:  # type: ignore[override]
        """One client's stream, from its credential to its end."""
        stream = current_task()
        self._streams.add(stream)
        stream.add_done_callback(self._streams.discard)
        grant = await self._authenticate(context, cost=STREAM_COST)
        client = Client(grant, self._switch.limits)
        try:
            self._switch.connect(client)
        except NameTaken as error:
            self._switch.refusal(client, "connection", "a second connection with one credential")
            await self._abort(context, error)
        tasks: list[asyncio.Task[None]] = []
        try:
            await context.send_initial_metadata(())
            tasks = [
                asyncio.create_task(self._read(client, context)),
                asyncio.create_task(client.outbox.write_to(context.write)),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await self._switch.disconnect(client)
            await asyncio.gather(*tasks, return_exceptions=True)  # a broken stream: it has ended, that is all
            if self._on_disconnect is not None:
                self._on_disconnect(grant.client)

    async def ended(self) -> None:
        """Wait until all streams have ended, so that none of their events is left.

        gRPC's thread tells of each through a socket. When nobody reads that any more, a few hundred keep the thread
        from ever ending, and the process with it.
        """
        if self._streams:
            await asyncio.wait(self._streams, timeout=STREAMS_END_SECONDS)

    async def _read(self, client: Client, context: Any) -> None:
        pace, outbox = self._switch.pace_of(client.grant), client.outbox
        while (read := await context.read()) is not grpc.aio.EOF:
            message, size = read
            answered = self._switch.receive(client, message, size)
            if outbox.bytes > outbox.bound:
                await outbox.room()  # who does not read its answers is not read either: they must not pile up
            if pace is not None and not answered:
                await pace.take()

    async def RegisterAgent(self, request: pb.RegisterAgentTypeRequest, context: Any) -> Any:
        """Register a name that the client's grant holds and nobody else has; or give it back, or replace its agents."""
        client = await self._connected(context)
        operation = _metadata(context).get(OPERATION)
        try:
            if operation == UNREGISTER:
                await self._switch.unregister(client, request.type, f"{request.type!r} was unregistered")
            elif operation == REPLACE:
                self._switch.replace(client, request.type, f"{request.type!r} was replaced before it answered")
            else:
                self._switch.register(client, request.type)
        except MessagingError as error:
            await self._abort(context, error)
        return pb.RegisterAgentTypeResponse()

    async def AddSubscription(self, request: pb.AddSubscriptionRequest, context: Any) -> Any:
        """Subscribe the client's own agents to a topic that its role may use."""
        client = await self._connected(context)
        try:
            await self._switch.topics.subscribe(client, subscription_from_proto(request.subscription))
        except MessagingError as error:
            await self._abort(context, error)
        except ValueError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        return pb.AddSubscriptionResponse()

    async def RemoveSubscription(self, request: pb.RemoveSubscriptionRequest, context: Any) -> Any:
        """End one of the client's own subscriptions."""
        client = await self._connected(context)
        try:
            await self._switch.topics.unsubscribe(client, request.id)
        except MessagingError as error:
            await self._abort(context, error)
        return pb.RemoveSubscriptionResponse()

    async def GetSubscriptions(self, request: pb.GetSubscriptionsRequest, context: Any) -> Any:
        """The client's own subscriptions."""
        client = await self._connected(context)
        own = [self._switch.topics.subscriptions.get(identity) for identity in client.subscriptions]
        return pb.GetSubscriptionsResponse(
            subscriptions=[subscription_to_proto(subscription) for subscription in own if subscription is not None]
        )

    async def OpenControlChannel(
        self, request_iterator: AsyncIterator[pb.ControlMessage], context: Any
    ) -> AsyncIterator[pb.ControlMessage]:
        """Refused: nothing here uses AutoGen's control channel."""
        grant = await self._authenticate(context)
        error = self._switch.refusal(grant.client, "control channel", "the control channel is closed")
        await self._abort(context, error)
        yield pb.ControlMessage()

    async def _authenticate(self, context: Any, cost: float = 1.0) -> Grant:
        metadata = _metadata(context)
        if self._credentials is None:
            identity = metadata.get(CLIENT_ID, "")
            if 0 < len(identity) <= MAX_NAME_CHARACTERS:
                return Grant(identity, None, "trusted")
        else:
            grant = self._credentials.check(metadata.get(CREDENTIAL, ""))
            if grant is not None:
                if (pace := self._switch.pace_of(grant)) is not None:
                    await pace.take(cost)
                return grant
        await self._strangers.take()
        await self._abort(context, self._switch.refusal("unknown", "credential", "no valid credential"))

    async def _connected(self, context: Any) -> Client:
        """The client that makes a unary call; it has to have its stream open."""
        grant = await self._authenticate(context)
        client = self._switch.client(grant.client)
        if client is None:
            error = self._switch.refusal(grant.client, "connection", "a call without an open stream")
            await self._abort(context, error)
        return client

    async def _abort(self, context: Any, error: MessagingError) -> NoReturn:
        await context.abort(_STATUS.get(type(error), grpc.StatusCode.PERMISSION_DENIED), str(error))
        raise AssertionError("abort raises")


def _sized(data: bytes) -> tuple[pb.Message, int]:
    return pb.Message.FromString(data), len(data)


def _metadata(context: Any) -> dict[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


class HardenedHost(GrpcWorkerAgentRuntimeHost):
    """The host. Use it with ``async with``, or as AutoGen's with `start` and `stop`.

    Args:
        address: ``unix:/path``, or ``name:port`` (port 0 takes a free one).
        extra_grpc_config: Options of the gRPC server that prevail over ours.
        credentials: Who may connect. None admits everybody who can reach the address, with any name that is free,
            as AutoGen does; then it listens on a unix socket or on loopback only.
        tls: Certificates for TCP; needed to listen on anything but loopback.
        limits: Bounds on sizes, numbers and rates.
        hop_limit: How many agents may pass an idea on, one after the other.
        topics: The topic types that clients of a role may use; trusted ones may use all, others none by default.
        on_exchange: Called for every request that ended.
        on_refusal: Called with client and reason for what is refused.
        on_disconnect: Called with the client when its stream has ended.
        admit: Called before a request of a cell is passed on, with the name of the agent with whom the conversation
            began; what it raises, a `MessagingError`, is the answer instead.

    Raises:
        ValueError: The address cannot be used like this.
    """

    def __init__(
        self,
        address: str,
        extra_grpc_config: Sequence[tuple[str, Any]] | None = None,
        *,
        credentials: Credentials | None = None,
        tls: Tls | None = None,
        limits: Limits | None = None,
        hop_limit: int = 3,
        topics: Mapping[Role, frozenset[str]] | None = None,
        on_exchange: Callable[[Exchange], None] | None = None,
        on_refusal: Callable[[str, str], None] | None = None,
        on_disconnect: Callable[[str], None] | None = None,
        admit: Callable[[str], None] | None = None,
    ) -> None:
        check_address(address, credentials, tls)
        self._address = address
        self._credentials = credentials
        self._tls = tls
        limits = limits if limits is not None else Limits()
        self._options = merged(
            [
                *channel_options(limits.message_bytes, limits.frozen_after),
                # Strangers who connect and say nothing are let go.
                ("grpc.server_handshake_timeout_ms", 5_000),
                ("grpc.max_connection_idle_ms", 30_000),
                ("grpc.max_concurrent_streams", 100),
            ],
            extra_grpc_config,
        )
        self._switch = Switch(limits, hop_limit, dict(topics or {}), on_exchange, on_refusal, admit)
        self._servicer: HardenedServicer = HardenedServicer(credentials, self._switch, on_disconnect)
        self._serve_task = None
        self._server: Any = None
        self._started: asyncio.Future[None]
        self._grace = 0.0

    @property
    def address(self) -> str:
        """The gRPC address that clients connect to."""
        return self._address

    @property
    def counters(self) -> Counters:
        """What the host is doing, and has done so far."""
        return self._switch.counters()

    def start(self) -> None:
        """Listen, and serve in a background task.

        Raises:
            RuntimeError: It is started already.
            OSError: The address is taken, or cannot be listened on.
        """
        if self._serve_task is not None:
            raise RuntimeError("Host runtime is already started.")
        server = grpc.aio.server(options=self._options)
        # The first handler of a name is the one that counts: this one tells a message's size.
        stream = grpc.stream_stream_rpc_method_handler(
            self._servicer.OpenChannel, request_deserializer=_sized, response_serializer=pb.Message.SerializeToString
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"OpenChannel": stream}),))
        agent_worker_pb2_grpc.add_AgentRpcServicer_to_server(self._servicer, server)
        try:
            if self._tls is None:
                port = server.add_insecure_port(self._address)
            else:
                port = server.add_secure_port(self._address, self._tls.server_credentials())
        except RuntimeError as error:
            raise OSError(f"the host cannot listen on {self._address!r}: {error}") from None
        if self._address.startswith(UNIX):
            self.socket.chmod(0o660)
        elif self._address.endswith(":0"):
            self._address = f"{self._address[:-2]}:{port}"
        self._server = server
        self._started = asyncio.get_running_loop().create_future()
        self._serve_task = asyncio.create_task(self._serve())

    async def _serve(self) -> None:
        server = self._server
        try:
            await server.start()
            self._started.set_result(None)
            await server.wait_for_termination()
        finally:
            # Here, so that it happens whatever ends this task, for instance the end of its event loop: a server that
            # is not stopped keeps the process from ever exiting. And only here: stopping twice at once crashes gRPC.
            await server.stop(self._grace)

    async def stop(self, grace: float = 5) -> None:
        """End all connections once what is queued for them is sent, or ``grace`` seconds have passed."""
        if self._serve_task is None:
            raise RuntimeError("Host runtime is not started.")
        serving, self._serve_task = self._serve_task, None
        for client in self._switch.clients():
            client.outbox.close()
        self._grace = grace
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        for client in self._switch.clients():
            await self._switch.disconnect(client)
        await self._servicer.ended()

    async def __aenter__(self) -> HardenedHost:
        """Serve until the end of the block."""
        self.start()
        await self._started
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._serve_task is not None:
            await self.stop(grace=0)

    @property
    def socket(self) -> Path:
        """The unix socket. Its mode is 0660; `admit_group` says whose group that is."""
        return Path(self._address.removeprefix(UNIX))

    def admit_group(self, group: int) -> None:
        """Let the users of a group reach the unix socket; what admits them then is a credential."""
        os.chown(self.socket, -1, group)

    async def registered(self, name: str) -> None:
        """Wait until an agent has been registered under ``name``."""
        await self._switch.arrival(name)

    async def disconnect(self, label: str) -> None:
        """Forget a client and its credentials: what it had to answer fails, and its names are free at once."""
        if self._credentials is not None:
            self._credentials.revoke(label)
        client = self._switch.client(label)
        if client is not None:
            client.outbox.close()
            await self._switch.disconnect(client)

    def unanswered(self, name: str) -> int:
        """How many requests the agent ``name`` has not answered."""
        return self._switch.unanswered(name)

    def admission(self, name: str, message_id: str | None) -> Admission:
        """What is known of a request that the agent ``name`` is answering; empty when it is none."""
        return self._switch.admission(name, message_id)
