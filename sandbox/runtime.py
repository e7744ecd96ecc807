"""AutoGen's gRPC worker runtime, mended: every request ends in an answer or a typed error within its deadline.

What the plain `GrpcWorkerAgentRuntime` 0.7.5 does instead stands in ``docs/autogen-faults.md``, fault by fault;
the host's half of the mending stands in ``creator.runtime``.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import uuid4
from weakref import WeakKeyDictionary

from autogen_core import (
    JSON_DATA_CONTENT_TYPE,
    Agent,
    AgentId,
    AgentType,
    CancellationToken,
    MessageContext,
    MessageHandlerContext,
    Subscription,
    TopicId,
)
from autogen_core._serialization import UnknownPayload
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime
from autogen_ext.runtimes.grpc._utils import subscription_to_proto
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb
from opentelemetry.trace import NoOpTracerProvider, TracerProvider

from sandbox.connection import HardenedConnection
from sandbox.deadlines import Deadlines
from sandbox.errors import (
    DeadlineExceeded,
    HandlerFailed,
    MessageTooLarge,
    MessagingError,
    PermissionDenied,
    RecipientLost,
    failure_of,
)
from sandbox.subscriptions import IndexedSubscriptions, agent_type_of
from sandbox.tracing import Spans, effective_provider
from sandbox.wire import (
    CANCEL,
    FROZEN_AFTER,
    MAX_MESSAGE_BYTES,
    REPLACE,
    UNREGISTER,
    Tls,
    channel_options,
    get_error,
    merged,
    set_error,
)

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=Agent)

CONNECT_SECONDS: Final = 10.0
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 5.0
"""Seconds between two tries to connect again; they double from the first to the longest, each with some chance."""

SHARE_OF_TIME: Final = 0.9
"""How much of the time that is left for an answer may be spent on waiting for others."""

REGISTRATIONS_AT_ONCE: Final = 64


@dataclass(eq=False, slots=True)
class _Answering:
    """One request that this runtime is answering."""

    request_id: str
    recipient: str
    deadline: float
    token: CancellationToken = field(default_factory=CancellationToken)
    task: asyncio.Task[None] | None = None
    expired: bool = False

    def stop(self) -> None:
        """Fire the handler's token, then end the handler."""
        try:
            self.token.cancel()
        except Exception:  # callbacks are the agent's own code
            logger.warning("a callback of a cancellation token of %.100r failed", self.recipient, exc_info=True)
        if self.task is not None:
            self.task.cancel()

    def expire(self) -> None:
        """Stop because the deadline has passed."""
        self.expired = True
        self.stop()


_answering: ContextVar[_Answering | None] = ContextVar("answering", default=None)
"""The request that the running handler answers."""


class HardenedRuntime(GrpcWorkerAgentRuntime):
    """The worker runtime that every client of our host uses, inside the sandbox and outside.

    Args:
        host_address: The host's gRPC address, ``unix:/path`` or ``name:port``.
        tracer_provider: Where spans go; by default the process's provider, and no spans when there is none.
        extra_grpc_config: Options of the gRPC channel that prevail over ours.
        payload_serialization_format: The content type of published messages.
        credential: The secret that the host issued for this client; None for an open host.
        tls: Certificates for a connection over TCP.
        default_timeout: Seconds that a request may take when neither `request` nor the request being answered
            sets a nearer deadline.
        reconnect_for: Seconds to try to reach a lost host again; 0 gives up at once.
        message_bytes: Largest payload of one message.
        frozen_after: Seconds until a host that answers no pings counts as gone; None never asks.
        may_publish: Whether `publish_message` is offered; a cell's agents address each other by name only.
    """

    def __init__(
        self,
        host_address: str,
        tracer_provider: TracerProvider | None = None,
        extra_grpc_config: Sequence[tuple[str, Any]] | None = None,
        payload_serialization_format: str = JSON_DATA_CONTENT_TYPE,
        *,
        credential: str | None = None,
        tls: Tls | None = None,
        default_timeout: float = 300.0,
        reconnect_for: float = 600.0,
        message_bytes: int = MAX_MESSAGE_BYTES,
        frozen_after: float | None = FROZEN_AFTER,
        may_publish: bool = True,
    ) -> None:
        provider = effective_provider(tracer_provider)
        super().__init__(
            host_address, provider or NoOpTracerProvider(), extra_grpc_config, payload_serialization_format
        )
        self._spans = None if provider is None else Spans(provider)
        self._credential = credential
        self._tls = tls
        self._default_timeout = default_timeout
        self._reconnect_for = reconnect_for
        self._message_bytes = message_bytes
        self._may_publish = may_publish
        self._options = merged(channel_options(message_bytes, frozen_after), extra_grpc_config)
        self._identity = uuid4().hex
        self._request_ids = itertools.count(1)
        self._connected = False
        self._subscription_manager = IndexedSubscriptions()
        self._answering: dict[str, _Answering] = {}
        self._working: Deadlines[_Answering] = Deadlines(_Answering.expire)
        self._waiting: Deadlines[tuple[asyncio.Future[Any], str, str]] = Deadlines(_expire)
        self._watched_tokens: WeakKeyDictionary[CancellationToken, set[asyncio.Future[Any]]] = WeakKeyDictionary()
        self._being_registered: dict[str, asyncio.Event] = {}
        self._constructing: dict[AgentId, asyncio.Lock] = {}
        self._refused: set[str] = set()
        self.lost = asyncio.Event()
        """Set once the connection to the host is gone for good."""

    # Connecting

    async def start(self) -> None:
        """Connect to the host.

        Raises:
            RecipientLost: It does not answer within 10 seconds.
            PermissionDenied: It refuses this client.
        """
        if self._running:
            raise ValueError("Runtime is already running.")
        self._host_connection = await self._open()
        self._connected = self._running = True
        self.lost.clear()
        self._read_task = asyncio.create_task(self._run_read_loop())

    async def stop(self, grace: float = 1.0) -> None:
        """Disconnect. What runs gets ``grace`` seconds to end, then it is cancelled; what waits fails.

        Always returns, unlike the plain method.
        """
        if not self._running:
            raise RuntimeError("Runtime is not running.")
        self._running = False
        connection, reader = self._host_connection, self._read_task
        assert isinstance(connection, HardenedConnection) and reader is not None
        if grace > 0 and self._connected:
            # The reader goes on meanwhile: what still runs here may wait for an answer.
            drained = asyncio.ensure_future(connection.drained())
            await asyncio.wait([drained, *self._other_tasks()], timeout=grace)
            drained.cancel()
        await connection.close()
        reader.cancel()
        await asyncio.wait([reader], timeout=2)
        await self._end_connection(RecipientLost("this runtime was stopped"))
        self._host_connection = self._read_task = None

    async def _open(self) -> HardenedConnection:
        return await HardenedConnection.open(
            self._host_address,
            credential=self._credential,
            client_id=self._identity,
            tls=self._tls,
            options=self._options,
            timeout=CONNECT_SECONDS,
        )

    async def _run_read_loop(self) -> None:
        try:
            while True:
                connection = self._connection()
                error = await self._read_until_lost(connection)
                await self._end_connection(error)
                if connection.closed or not self._running:
                    return
                await connection.close()
                again = await self._open_again()
                if again is None:
                    return
        finally:
            self.lost.set()

    async def _read_until_lost(self, connection: HardenedConnection) -> MessagingError:
        while True:
            try:
                message = await connection.recv()
            except RecipientLost as error:
                return error
            match message.WhichOneof("message"):
                case "request" if message.request.method == CANCEL:
                    answering = self._answering.get(message.request.request_id)
                    if answering is not None:
                        answering.stop()
                case "request":
                    self._begin(self._process_request(message.request))
                case "response":
                    self._settle(message.response)
                case "cloudEvent":
                    self._begin(self._process_published(message.cloudEvent))

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background_tasks.add(task)
        task.add_done_callback(self._background_tasks.discard)

    async def _end_connection(self, error: MessagingError) -> None:
        """Fail what waits for an answer, and stop what works on one that can no longer be sent."""
        self._connected = False
        pending, self._pending_requests = self._pending_requests, {}
        for future in pending.values():
            if not future.done():
                future.set_exception(type(error)(*error.args))
        for answering in list(self._answering.values()):
            answering.stop()
        tasks = self._other_tasks()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2)

    def _other_tasks(self) -> list[asyncio.Task[Any]]:
        """What runs in the background, besides the one who asks."""
        return [task for task in self._background_tasks if task is not asyncio.current_task()]

    async def _open_again(self) -> HardenedConnection | None:
        """Connect and register again; None when the host refuses us, or was not reached in time."""
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + self._reconnect_for, FIRST_PAUSE
        while loop.time() < until:
            connection = None
            try:
                connection = await self._open()
                await self._register_again(connection)
            except PermissionDenied as error:
                logger.warning("the host refused to take this client back: %s", error)
                if connection is not None:
                    await connection.close()
                return None
            except MessagingError:
                if connection is not None:
                    await connection.close()
                await asyncio.sleep(pause * random.uniform(0.5, 1))
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self._host_connection = connection
                self._connected = True
                return connection
        return None

    async def _register_again(self, connection: HardenedConnection) -> None:
        places = asyncio.Semaphore(REGISTRATIONS_AT_ONCE)

        async def call(method: str, request: Any) -> None:
            async with places:
                await connection.call(method, request)

        await asyncio.gather(
            *(call("RegisterAgent", pb.RegisterAgentTypeRequest(type=name)) for name in self._agent_factories)
        )
        subscriptions = self._subscription_manager.subscriptions
        await asyncio.gather(*(call("AddSubscription", _subscribe(subscription)) for subscription in subscriptions))

    def _connection(self) -> HardenedConnection:
        if self._host_connection is None:
            raise RuntimeError("Host connection is not set.")
        assert isinstance(self._host_connection, HardenedConnection)
        return self._host_connection

    # Asking

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
        parent = _answering.get()
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

    # Answering

    async def _process_request(self, request: pb.RpcRequest) -> None:
        loop = asyncio.get_running_loop()
        timeout = float(request.metadata.get("timeout", self._default_timeout))
        answering = _Answering(request.request_id, request.target.type, loop.time() + timeout)
        answering.task = asyncio.current_task()
        self._answering[request.request_id] = answering
        _answering.set(answering)
        self._working.add(answering, answering.deadline)
        outgoing = pb.Message()
        outgoing.response.request_id = request.request_id
        try:
            data_type, data = self._serialized(await self._answer(request, answering))
            payload = outgoing.response.payload
            payload.data_type, payload.data, payload.data_content_type = data_type, data, JSON_DATA_CONTENT_TYPE
        except asyncio.CancelledError:
            if not answering.expired:
                raise  # nobody waits for the answer any more
            error = DeadlineExceeded(f"{answering.recipient!r} was stopped at its deadline")
            set_error(outgoing.response, error)
        except MessagingError as error:
            set_error(outgoing.response, error)
        except Exception as error:
            set_error(outgoing.response, failure_of(error))
        finally:
            self._working.discard(answering)
            self._answering.pop(request.request_id, None)
        if self._connected:
            self._connection().put(outgoing)

    async def _answer(self, request: pb.RpcRequest, answering: _Answering) -> Any:
        message = self._serialization_registry.deserialize(
            request.payload.data,
            type_name=request.payload.data_type,
            data_content_type=request.payload.data_content_type,
        )
        if isinstance(message, UnknownPayload):
            raise HandlerFailed(f"{answering.recipient!r} does not know messages of type {message.type_name!r}")
        try:
            if self._spans is None:
                result = await self._call_agent(message, request, answering.token)
            else:
                recipient = AgentId(request.target.type, request.target.key)
                with self._spans.process(recipient, request.payload.data_type, request.metadata):
                    result = await self._call_agent(message, request, answering.token)
        except Exception as error:
            # Whatever the handler raises is its own failure, even when it is an error of ours from further on.
            raise failure_of(error) from None
        if result is None:
            raise HandlerFailed(f"{answering.recipient!r} answered {request.payload.data_type} with None")
        return result

    async def _call_agent(self, message: Any, request: pb.RpcRequest, token: CancellationToken) -> Any:
        recipient = _agent_id(request.target.type, request.target.key)
        agent = self._instantiated_agents.get(recipient) or await self._get_agent(recipient)
        context = MessageContext(
            sender=_agent_id(request.source.type, request.source.key) if request.HasField("source") else None,
            topic_id=None,
            is_rpc=True,
            cancellation_token=token,
            message_id=request.request_id,
        )
        with MessageHandlerContext.populate_context(agent.id):
            return await agent.on_message(message, ctx=context)

    # Publishing

    async def publish_message(
        self,
        message: Any,
        topic_id: TopicId,
        *,
        sender: AgentId | None = None,
        cancellation_token: CancellationToken | None = None,
        message_id: str | None = None,
    ) -> None:
        """Send a message to everyone who subscribed to a topic; nobody answers.

        Raises:
            PermissionDenied: This client addresses agents by name only.
            MessageTooLarge: Nothing was sent.
            RecipientLost: The host is gone.
        """
        if not self._may_publish:
            raise PermissionDenied("agents address each other by name here; nobody subscribes to topics")
        if self._running and not self._connected:
            raise RecipientLost("this runtime is not connected to a host")
        size = len(
            self._serialization_registry.serialize(
                message,
                type_name=self._serialization_registry.type_name(message),
                data_content_type=self._payload_serialization_format,
            )
        )
        if size > self._message_bytes:
            raise MessageTooLarge(f"{size} bytes to publish; the limit is {self._message_bytes}")
        await super().publish_message(
            message, topic_id, sender=sender, cancellation_token=cancellation_token, message_id=message_id
        )

    async def _process_published(self, event: Any) -> None:
        try:
            await self._process_event(event)
        except Exception:  # a failing handler, or hostile bytes; there is nobody to answer to
            logger.warning("an event of type %.100r could not be handled", event.type, exc_info=True)

    # Registering

    async def _register_agent_type(self, agent_type: str) -> None:
        await self._connection().call("RegisterAgent", pb.RegisterAgentTypeRequest(type=agent_type))

    async def register_factory(
        self,
        type: str | AgentType,
        agent_factory: Callable[[], T | Awaitable[T]],
        *,
        expected_class: type[T] | None = None,
    ) -> AgentType:
        """Register a type of agents under its name.

        Raises:
            NameTaken: Another client has it.
            PermissionDenied: The host does not let this client have it.
            ValueError: This runtime has it, or was refused it before (see `unregister_agent`).
        """
        name = self._not_refused(type)
        try:
            return await super().register_factory(type, agent_factory, expected_class=expected_class)
        except MessagingError:
            self._agent_factories.pop(name, None)
            self._refused.add(name)
            raise

    async def register_agent_instance(self, agent_instance: Agent, agent_id: AgentId) -> AgentId:
        """Register one agent under its id; raises what `register_factory` raises."""
        name = self._not_refused(agent_id.type)
        fresh = name not in self._agent_factories
        # The host may send it a message before the plain method has put it in its place.
        registered = self._being_registered[name] = asyncio.Event()
        try:
            return await super().register_agent_instance(agent_instance, agent_id)
        except MessagingError:
            if fresh:
                self._agent_factories.pop(name, None)
                self._refused.add(name)
            raise
        finally:
            del self._being_registered[name]
            registered.set()

    def _not_refused(self, type: str | AgentType) -> str:
        name = type if isinstance(type, str) else type.type
        if name in self._refused:
            raise ValueError(f"the host refused {name!r} to this runtime before: unregister it, then try again")
        return name

    async def unregister_agent(self, type: str | AgentType) -> None:
        """Give a name back. Its agents are closed, requests to them fail, its subscriptions end.

        Raises:
            LookupError: This runtime neither has this name nor was refused it.
        """
        name = type if isinstance(type, str) else type.type
        if name in self._refused:
            self._refused.discard(name)
            return
        if name not in self._agent_factories:
            raise LookupError(f"this runtime has no agents named {name!r}")
        request = pb.RegisterAgentTypeRequest(type=name)
        await self._connection().call("RegisterAgent", request, UNREGISTER)
        del self._agent_factories[name]
        self._agent_instance_types.pop(name, None)
        for subscription in self._subscription_manager.subscriptions:
            if agent_type_of(subscription) == name:
                await self._subscription_manager.remove_subscription(subscription.id)
        await _close(self._take_agents(name))

    async def replace_agent(
        self,
        type: str | AgentType,
        agent_factory: Callable[[], T | Awaitable[T]],
        *,
        expected_class: type[T] | None = None,
    ) -> None:
        """Put another factory in a registered type's place; name and subscriptions stay.

        Requests that the old agents have not answered fail with `RecipientLost`; later ones reach new agents.

        Raises:
            LookupError: This runtime has no agents of this name.
        """
        name = type if isinstance(type, str) else type.type
        if name not in self._agent_factories:
            raise LookupError(f"this runtime has no agents named {name!r}")

        async def construct() -> T:
            made = agent_factory()
            agent = await made if inspect.isawaitable(made) else made
            if expected_class is not None and agent.__class__ is not expected_class:
                raise ValueError("Factory registered using the wrong type.")
            return agent

        self._agent_factories[name] = construct
        self._agent_instance_types.pop(name, None)
        old = self._take_agents(name)
        # The host fails what the old agents have not answered.
        await self._connection().call("RegisterAgent", pb.RegisterAgentTypeRequest(type=name), REPLACE)
        await _close(old)

    def _take_agents(self, name: str) -> list[Agent]:
        """Take a type's agents away from their work."""
        for answering in list(self._answering.values()):
            if answering.recipient == name:
                answering.stop()
        ids = [agent_id for agent_id in self._instantiated_agents if agent_id.type == name]
        return [self._instantiated_agents.pop(agent_id) for agent_id in ids]

    async def _get_agent(self, agent_id: AgentId) -> Agent:
        agent = self._instantiated_agents.get(agent_id)
        if agent is not None:
            return agent
        if (registered := self._being_registered.get(agent_id.type)) is not None:
            await registered.wait()
        # Two first messages at once must not construct two agents.
        async with self._constructing.setdefault(agent_id, asyncio.Lock()):
            try:
                return await super()._get_agent(agent_id)
            finally:
                self._constructing.pop(agent_id, None)

    async def add_subscription(self, subscription: Subscription) -> None:
        """Subscribe agents of this runtime; raises `PermissionDenied` for topics that the host does not allow."""
        await self._connection().call("AddSubscription", _subscribe(subscription))
        await self._subscription_manager.add_subscription(subscription)

    async def remove_subscription(self, id: str) -> None:
        """End a subscription of this runtime."""
        await self._connection().call("RemoveSubscription", pb.RemoveSubscriptionRequest(id=id))
        await self._subscription_manager.remove_subscription(id)


async def _close(agents: Sequence[Agent]) -> None:
    for agent in agents:
        try:
            await agent.close()
        except Exception:  # the agent's own code; it is on its way out
            logger.warning("agent %.100r failed to close", str(agent.id), exc_info=True)


@functools.lru_cache(maxsize=512)
def _agent_id(type: str, key: str) -> AgentId:
    """AutoGen checks an id's form whenever it makes one."""
    return AgentId(type, key)


def _subscribe(subscription: Subscription) -> pb.AddSubscriptionRequest:
    return pb.AddSubscriptionRequest(subscription=subscription_to_proto(subscription))


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
