"""AutoGen's gRPC worker runtime, mended: every request ends in an answer or a typed error within its deadline.

What the plain `GrpcWorkerAgentRuntime` 0.7.5 does instead (hang on unknown names, on dead peers and on raising
constructors; count request ids from 1 in every client; report an exception with an empty text as a success) is
mended here by subclassing; the host's half stands in ``creator.runtime``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final
from uuid import uuid4

import grpc
import grpc.aio
from autogen_core import (
    JSON_DATA_CONTENT_TYPE,
    AgentId,
    CancellationToken,
    MessageContext,
    MessageHandlerContext,
    TopicId,
)
from autogen_core._serialization import UnknownPayload
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime
from autogen_ext.runtimes.grpc._worker_runtime import HostConnection, QueueAsyncIterable
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2, agent_worker_pb2_grpc

from sandbox.errors import (
    BY_CODE,
    MAX_ERROR_CHARACTERS,
    DeadlineExceeded,
    HandlerFailed,
    MessageTooLarge,
    MessagingError,
    RecipientLost,
    describe,
)

MAX_MESSAGE_BYTES: Final = 1 << 20
"""Largest payload of one message, in bytes; both sides refuse more before they send it."""

SHARE_OF_TIME: Final = 0.9
"""How much of the time that is left for an answer may be spent on waiting for others."""

CHANNEL_OPTIONS: Final[Sequence[tuple[str, int]]] = (
    ("grpc.max_send_message_length", 4 * MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", 4 * MAX_MESSAGE_BYTES),
    ("grpc.enable_http_proxy", 0),
)

_current_request: ContextVar[tuple[str, float] | None] = ContextVar("current_request", default=None)
"""Id and deadline (event loop time) of the request that the running handler answers."""


class AuthenticatedConnection(HostConnection):
    """A connection to the host that proves who it is with a credential."""

    def __init__(self, channel: grpc.aio.Channel, stub: Any, credential: str) -> None:
        super().__init__(channel, stub)
        self._credential = credential
        self._stream: Any = None

    @property
    def metadata(self) -> Sequence[tuple[str, str]]:
        """What every call carries; the host derives the client from the credential alone."""
        return [("credential", self._credential)]

    @classmethod
    async def open(cls, address: str, credential: str, *, timeout: float) -> AuthenticatedConnection:
        """Connect and authenticate.

        Args:
            address: The host's gRPC address, ``unix:/path`` for instance.
            credential: The secret that the host issued.
            timeout: Seconds until `RecipientLost` is raised.
        """
        channel = grpc.aio.insecure_channel(address, options=list(CHANNEL_OPTIONS))
        connection = cls(channel, agent_worker_pb2_grpc.AgentRpcStub(channel), credential)
        try:
            async with asyncio.timeout(timeout):
                await channel.channel_ready()
                stream = connection.stub.OpenChannel(
                    QueueAsyncIterable(connection._send_queue), metadata=connection.metadata
                )
                # The host sends its initial metadata once it has accepted the credential.
                await stream.initial_metadata()
                if stream.done():
                    raise RecipientLost(f"the host refused the connection: {await stream.details()}")
        except (TimeoutError, grpc.aio.AioRpcError) as error:
            await channel.close()
            raise RecipientLost(f"no connection to the host at {address!r} within {timeout:g} s") from error
        except BaseException:
            await channel.close()
            raise
        connection._stream = stream
        return connection

    async def recv(self) -> agent_worker_pb2.Message:
        """The next message of the host; raises `RecipientLost` when the stream has ended."""
        try:
            message = await self._stream.read()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            raise RecipientLost("the connection to the host broke") from error
        if message is grpc.aio.EOF:
            raise RecipientLost("the host closed the connection")
        return message  # type: ignore[no-any-return]

    async def send(self, message: agent_worker_pb2.Message) -> None:
        """Queue a message for the host; the plain method renders each one to text for a log."""
        self._send_queue.put_nowait(message)

    async def close(self) -> None:
        """Close the channel; pending reads end with `RecipientLost`."""
        await self._channel.close(grace=0)


class CellRuntime(GrpcWorkerAgentRuntime):
    """The worker runtime that every client of our host uses, inside the sandbox and outside.

    Args:
        host_address: The host's gRPC address.
        credential: The secret that the host issued for this client.
        default_timeout: Seconds that a request may take when neither `request` nor the request being answered
            sets a nearer deadline.
    """

    def __init__(self, host_address: str, credential: str, *, default_timeout: float = 300.0) -> None:
        super().__init__(host_address)
        self._credential = credential
        self._default_timeout = default_timeout
        self.lost = asyncio.Event()
        """Set once the connection to the host is gone."""

    async def start(self) -> None:
        """Connect to the host; raises `RecipientLost` when it does not answer within 10 seconds."""
        if self._running:
            raise ValueError("Runtime is already running.")
        self._host_connection = await AuthenticatedConnection.open(self._host_address, self._credential, timeout=10)
        self._running = True
        self._read_task = asyncio.create_task(self._run_read_loop())

    async def stop(self) -> None:
        """Cancel what runs, fail what waits, disconnect. Always returns, unlike the plain method."""
        if not self._running:
            raise RuntimeError("Runtime is not running.")
        self._running = False
        assert self._host_connection is not None
        await self._host_connection.close()
        tasks = list(self._background_tasks)
        if self._read_task is not None:
            tasks.append(self._read_task)
            self._read_task = None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2)
        self._fail_pending(RecipientLost("this runtime was stopped"))
        self._host_connection = None

    async def request(
        self,
        message: Any,
        recipient: str,
        *,
        sender: AgentId | None = None,
        timeout: float,
        conversation: str | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> Any:
        """Send a message to an agent by name and wait for its answer.

        Args:
            message: A message whose type is known to both sides.
            recipient: The agent's name.
            sender: Who asks; only a trusted client may leave it out.
            timeout: Seconds until `DeadlineExceeded`.
            conversation: Starts a conversation of this id; only a trusted client may name one.
            cancellation_token: Ends the waiting early.

        Raises:
            MessagingError: Whatever kept the answer from coming.
        """
        metadata = {} if conversation is None else {"conversation": conversation}
        return await self._ask(message, AgentId(recipient, "default"), sender, timeout, cancellation_token, metadata)

    async def send_message(
        self,
        message: Any,
        recipient: AgentId,
        *,
        sender: AgentId | None = None,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
    ) -> Any:
        """AutoGen's way to send; the deadline is the one of the request being answered, or the default."""
        return await self._ask(message, recipient, sender, self._default_timeout, cancellation_token, {})

    async def publish_message(
        self,
        message: Any,
        topic_id: TopicId,
        *,
        sender: AgentId | None = None,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
    ) -> None:
        """Refused: agents address each other by name, and nobody subscribes to topics here."""
        raise PermissionError("publishing to topics is not part of this runtime; send to an agent by name")

    async def _ask(
        self,
        message: Any,
        recipient: AgentId,
        sender: AgentId | None,
        timeout: float,
        cancellation_token: CancellationToken | None,
        metadata: Mapping[str, str],
    ) -> Any:
        if not self._running or self._host_connection is None or self.lost.is_set():
            raise RecipientLost("this runtime is not connected to a host")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        parent = _current_request.get()
        if parent is not None:
            # What is left of the time for one's own answer: a colleague that hangs must not cost it all.
            deadline = min(deadline, loop.time() + SHARE_OF_TIME * (parent[1] - loop.time()))
            metadata = {**metadata, "parent": parent[0]}
        data_type = self._serialization_registry.type_name(message)
        data = self._serialization_registry.serialize(
            message, type_name=data_type, data_content_type=JSON_DATA_CONTENT_TYPE
        )
        if len(data) > MAX_MESSAGE_BYTES:
            raise MessageTooLarge(f"{data_type} of {len(data)} bytes; the limit is {MAX_MESSAGE_BYTES}")
        request_id = uuid4().hex
        future: asyncio.Future[Any] = loop.create_future()
        self._pending_requests[request_id] = future
        if cancellation_token is not None:
            cancellation_token.link_future(future)
        request = agent_worker_pb2.RpcRequest(
            request_id=request_id,
            target=agent_worker_pb2.AgentId(type=recipient.type, key=recipient.key),
            source=agent_worker_pb2.AgentId(type=sender.type, key=sender.key) if sender is not None else None,
            metadata={**metadata, "timeout": f"{max(0.0, deadline - loop.time()):.3f}"},
            payload=agent_worker_pb2.Payload(data_type=data_type, data=data, data_content_type=JSON_DATA_CONTENT_TYPE),
        )
        try:
            await self._host_connection.send(agent_worker_pb2.Message(request=request))
            async with asyncio.timeout_at(deadline):
                return await future
        except TimeoutError as error:
            if isinstance(error, MessagingError):
                raise
            raise DeadlineExceeded(f"{recipient.type!r} did not answer {data_type} in time") from None
        finally:
            self._pending_requests.pop(request_id, None)

    async def _run_read_loop(self) -> None:
        assert self._host_connection is not None
        try:
            while True:
                message = await self._host_connection.recv()
                match message.WhichOneof("message"):
                    case "request":
                        task = asyncio.create_task(self._process_request(message.request))
                        self._background_tasks.add(task)
                        task.add_done_callback(self._background_tasks.discard)
                    case "response":
                        await self._process_response(message.response)
        except RecipientLost as error:
            self.lost.set()
            self._fail_pending(error)

    def _fail_pending(self, error: MessagingError) -> None:
        for future in self._pending_requests.values():
            if not future.done():
                future.set_exception(type(error)(*error.args))
        self._pending_requests.clear()

    async def _process_response(self, response: agent_worker_pb2.RpcResponse) -> None:
        future = self._pending_requests.pop(response.request_id, None)
        if future is None or future.done():
            return
        code = response.metadata.get("error", "")
        if code or response.error:
            future.set_exception(BY_CODE.get(code, HandlerFailed)(response.error or "no reason given"))
            return
        try:
            result = self._serialization_registry.deserialize(
                response.payload.data,
                type_name=response.payload.data_type,
                data_content_type=response.payload.data_content_type,
            )
        except Exception as error:  # hostile bytes: whatever the deserialiser raises, the caller has to be told
            future.set_exception(HandlerFailed(f"the answer cannot be read: {describe(error)}"))
            return
        if isinstance(result, UnknownPayload):
            future.set_exception(HandlerFailed(f"the answer's type {result.type_name!r} is not known here"))
            return
        future.set_result(result)

    async def _process_request(self, request: agent_worker_pb2.RpcRequest) -> None:
        assert self._host_connection is not None
        response = agent_worker_pb2.RpcResponse(request_id=request.request_id)
        try:
            result = await self._answer(request)
            data_type = self._serialization_registry.type_name(result)
            data = self._serialization_registry.serialize(
                result, type_name=data_type, data_content_type=JSON_DATA_CONTENT_TYPE
            )
            if len(data) > MAX_MESSAGE_BYTES:
                raise MessageTooLarge(f"the answer has {len(data)} bytes; the limit is {MAX_MESSAGE_BYTES}")
            response.payload.data_type = data_type
            response.payload.data = data
            response.payload.data_content_type = JSON_DATA_CONTENT_TYPE
        except asyncio.CancelledError:
            if not self._running:
                raise
            _set_error(response, HandlerFailed("the handler was cancelled"))
        except Exception as error:
            _set_error(response, error)
        if self._host_connection is not None:
            await self._host_connection.send(agent_worker_pb2.Message(response=response))

    async def _answer(self, request: agent_worker_pb2.RpcRequest) -> Any:
        message = self._serialization_registry.deserialize(
            request.payload.data,
            type_name=request.payload.data_type,
            data_content_type=request.payload.data_content_type,
        )
        if isinstance(message, UnknownPayload):
            raise HandlerFailed(f"{request.target.type!r} does not know messages of type {message.type_name!r}")
        recipient = AgentId(request.target.type, request.target.key)
        agent = await self._get_agent(recipient)
        timeout = float(request.metadata.get("timeout", self._default_timeout))
        token = CancellationToken()
        context = MessageContext(
            sender=AgentId(request.source.type, request.source.key) if request.HasField("source") else None,
            topic_id=None,
            is_rpc=True,
            cancellation_token=token,
            message_id=request.request_id,
        )
        deadline = asyncio.get_running_loop().time() + timeout
        _current_request.set((request.request_id, deadline))
        limit = asyncio.timeout_at(deadline)
        with MessageHandlerContext.populate_context(agent.id):
            try:
                async with limit:
                    result = await agent.on_message(message, ctx=context)
            except TimeoutError as error:
                if not limit.expired():
                    raise  # the handler's own
                raise DeadlineExceeded(f"{recipient.type!r} was stopped at its deadline") from error
            finally:
                token.cancel()
        if result is None:
            raise HandlerFailed(f"{recipient.type!r} answered {request.payload.data_type} with nothing")
        return result


def _set_error(response: agent_worker_pb2.RpcResponse, error: Exception) -> None:
    """Write an exception into a response, so that it arrives as one even when its text is empty."""
    known = isinstance(error, MessagingError)
    response.metadata["error"] = type(error).__name__ if known else HandlerFailed.__name__
    text = str(error) if known and str(error) else describe(error)
    response.error = text[:MAX_ERROR_CHARACTERS]


def encode_error(request_id: str, error: MessagingError) -> agent_worker_pb2.Message:
    """The host's own refusal or failure as a response to ``request_id``."""
    response = agent_worker_pb2.RpcResponse(request_id=request_id)
    _set_error(response, error)
    return agent_worker_pb2.Message(response=response)
