"""The part of the runtime that asks: a request goes out, and its answer, or an error, comes back in time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4
from weakref import WeakKeyDictionary

from autogen_core import JSON_DATA_CONTENT_TYPE, AgentId, CancellationToken, MessageSerializer
from autogen_core._serialization import PydanticJsonMessageSerializer, UnknownPayload
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb
from opentelemetry.trace import NoOpTracerProvider, TracerProvider

from sandbox.errors import DeadlineExceeded, HandlerFailed, MessageTooLarge, MessagingError, RecipientLost, failure_of
from sandbox.runtime.connection import HardenedConnection
from sandbox.runtime.current import answering
from sandbox.runtime.deadlines import Deadlines
from sandbox.runtime.tracing import Spans, effective_provider
from sandbox.runtime.wire import CANCEL, get_error

SHARE_OF_TIME: Final = 0.9
"""How much of the time that is left for an answer may be spent on waiting for others."""


class AskingRuntime(GrpcWorkerAgentRuntime):
    """Sends requests. `HardenedRuntime` is the whole."""

    def __init__(
        self,
        host_address: str,
        tracer_provider: TracerProvider | None,
        extra_grpc_config: Sequence[tuple[str, Any]] | None,
        payload_serialization_format: str,
        *,
        default_timeout: float,
        message_bytes: int,
    ) -> None:
        provider = effective_provider(tracer_provider)
        super().__init__(
            host_address, provider or NoOpTracerProvider(), extra_grpc_config, payload_serialization_format
        )
        self._spans = None if provider is None else Spans(provider)
        self._default_timeout = default_timeout
        self._message_bytes = message_bytes
        self._connected = False
        self._identity = uuid4().hex
        self._request_ids = itertools.count(1)
        self._waiting: Deadlines[tuple[asyncio.Future[Any], str, str]] = Deadlines(_expire)
        self._watched_tokens: WeakKeyDictionary[CancellationToken, set[asyncio.Future[Any]]] = WeakKeyDictionary()

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
            cancellation_token: Ends the waiting, and the recipient's work.

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
        if not self._running:
            raise ValueError("Runtime must be running when sending message.")
        return await self._ask(message, recipient, sender, self._default_timeout, cancellation_token, {})

    async def _ask(
        self,
        message: Any,
        recipient: AgentId,
        sender: AgentId | None,
        timeout: float,
        cancellation_token: CancellationToken | None,
        metadata: dict[str, str],
    ) -> Any:
        data_type, data = self._serialized(message)
        if self._spans is None:
            return await self._exchange(data_type, data, recipient, sender, timeout, cancellation_token, metadata)
        with self._spans.request(recipient, data_type, metadata):
            return await self._exchange(data_type, data, recipient, sender, timeout, cancellation_token, metadata)

    async def _exchange(
        self,
        data_type: str,
        data: bytes,
        recipient: AgentId,
        sender: AgentId | None,
        timeout: float,
        cancellation_token: CancellationToken | None,
        metadata: dict[str, str],
    ) -> Any:
        if not self._connected:
            raise RecipientLost("this runtime is not connected to a host")
        loop = asyncio.get_running_loop()
        now = loop.time()
        deadline = now + timeout
        parent = answering.get()
        if parent is not None:
            # What is left of the time for one's own answer: a colleague that hangs must not cost it all.
            deadline = min(deadline, now + SHARE_OF_TIME * (parent.deadline - now))
            metadata["parent"] = parent.request_id
        metadata["timeout"] = f"{max(0.0, deadline - now):.3f}"
        outgoing = pb.Message()
        request = outgoing.request
        request_id = request.request_id = f"{self._identity}.{next(self._request_ids)}"
        request.target.type, request.target.key = recipient.type, recipient.key
        if sender is not None:
            request.source.type, request.source.key = sender.type, sender.key
        for name, value in metadata.items():
            request.metadata[name] = value
        request.payload.data_type = data_type
        request.payload.data_content_type = JSON_DATA_CONTENT_TYPE
        request.payload.data = data

        future: asyncio.Future[Any] = loop.create_future()
        if cancellation_token is not None and not self._watch(cancellation_token, future):
            raise asyncio.CancelledError
        self._pending_requests[request_id] = future
        waiting = (future, recipient.type, data_type)
        self._waiting.add(waiting, deadline)
        try:
            self._connection().put(outgoing)
            return await future
        except (asyncio.CancelledError, DeadlineExceeded):
            if self._connected:
                self._connection().put(_withdrawal(request_id))
            raise
        finally:
            self._waiting.discard(waiting)
            self._pending_requests.pop(request_id, None)
            if cancellation_token is not None:
                self._watched_tokens.get(cancellation_token, set()).discard(future)

    def _watch(self, token: CancellationToken, future: asyncio.Future[Any]) -> bool:
        """Let ``token`` cancel ``future``; False when it is cancelled already.

        A token keeps its callbacks for ever, so each token gets one of ours, however many requests it is used for.
        """
        if token.is_cancelled():
            return False
        futures = self._watched_tokens.get(token)
        if futures is None:
            watched: set[asyncio.Future[Any]] = set()
            self._watched_tokens[token] = futures = watched
            token.add_callback(lambda: _cancel(watched))
        futures.add(future)
        return True

    def _serialized(self, message: Any) -> tuple[str, bytes]:
        """The type name and the JSON of a message."""
        data_type = self._serialization_registry.type_name(message)
        data = self._serialization_registry.serialize(
            message, type_name=data_type, data_content_type=JSON_DATA_CONTENT_TYPE
        )
        if len(data) > self._message_bytes:
            raise MessageTooLarge(f"{data_type} of {len(data)} bytes; the limit is {self._message_bytes}")
        return data_type, data

    def _settle(self, response: pb.RpcResponse) -> None:
        """Give an answer to the one who waits for it."""
        future = self._pending_requests.pop(response.request_id, None)
        if future is None or future.done():
            return
        error = get_error(response)
        if error is not None:
            future.set_exception(error)
            return
        try:
            result = self._serialization_registry.deserialize(
                response.payload.data,
                type_name=response.payload.data_type,
                data_content_type=response.payload.data_content_type,
            )
        except Exception as raised:  # hostile bytes: whatever the deserialiser raises, the caller has to be told
            failure = failure_of(raised)
            future.set_exception(HandlerFailed(f"the answer cannot be read: {failure.text}", failure.type_name))
            return
        if isinstance(result, UnknownPayload):
            future.set_exception(HandlerFailed(f"the answer's type {result.type_name!r} is not known here"))
            return
        future.set_result(result)

    def _fail_pending(self, error: MessagingError) -> None:
        """Give everyone who waits for an answer an error instead."""
        pending, self._pending_requests = self._pending_requests, {}
        for future in pending.values():
            if not future.done():
                future.set_exception(type(error)(*error.args))

    def _connection(self) -> HardenedConnection:
        if self._host_connection is None:
            raise RuntimeError("Host connection is not set.")
        assert isinstance(self._host_connection, HardenedConnection)
        return self._host_connection

    def add_message_serializer(self, serializer: MessageSerializer[Any] | Sequence[MessageSerializer[Any]]) -> None:
        """Make messages of a type known."""
        given = serializer if isinstance(serializer, Sequence) else [serializer]
        super().add_message_serializer(
            [_JsonBytes(one.cls) if type(one) is PydanticJsonMessageSerializer else one for one in given]
        )


class _JsonBytes(PydanticJsonMessageSerializer[Any]):
    """The same JSON, without a detour through text."""

    def serialize(self, message: Any) -> bytes:
        return message.__pydantic_serializer__.to_json(message)  # type: ignore[no-any-return]

    def deserialize(self, payload: bytes) -> Any:
        return self.cls.model_validate_json(payload)


def _withdrawal(request_id: str) -> pb.Message:
    message = pb.Message()
    message.request.request_id, message.request.method = request_id, CANCEL
    return message


def _cancel(futures: set[asyncio.Future[Any]]) -> None:
    for future in list(futures):
        future.cancel()


def _expire(waiting: tuple[asyncio.Future[Any], str, str]) -> None:
    future, recipient, data_type = waiting
    if not future.done():
        future.set_exception(DeadlineExceeded(f"{recipient!r} did not answer {data_type} in time"))
