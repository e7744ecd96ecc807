"""The worker runtime as a whole: its connection to the host, and what is published."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from autogen_core import JSON_DATA_CONTENT_TYPE, AgentId, CancellationToken, TopicId
from opentelemetry.trace import TracerProvider

from sandbox.errors import MessageTooLarge, MessagingError, PermissionDenied, RecipientLost
from sandbox.runtime.connection import HardenedConnection
from sandbox.runtime.current import current_task
from sandbox.runtime.registering import RegisteringRuntime
from sandbox.runtime.wire import CANCEL, FROZEN_AFTER, MAX_MESSAGE_BYTES, Tls, channel_options, merged

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 10.0
FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 5.0
"""Seconds between two tries to connect again; they double from the first to the longest, each with some chance."""


class HardenedRuntime(RegisteringRuntime):
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
        super().__init__(
            host_address,
            tracer_provider,
            extra_grpc_config,
            payload_serialization_format,
            default_timeout=default_timeout,
            message_bytes=message_bytes,
        )
        self._credential = credential
        self._tls = tls
        self._reconnect_for = reconnect_for
        self._may_publish = may_publish
        self._options = merged(channel_options(message_bytes, frozen_after), extra_grpc_config)
        self.lost = asyncio.Event()
        """Set once the connection to the host is gone for good."""

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
            self._connected = False
            self._fail_pending(RecipientLost("the connection to the host is gone"))
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

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        # The work itself takes its task out at its end: a callback would go through the event loop once more.
        self._background_tasks.add(asyncio.create_task(work))

    async def _end_connection(self, error: MessagingError) -> None:
        """Fail what waits for an answer, and stop what works on one that can no longer be sent."""
        self._connected = False
        self._fail_pending(error)
        for answering in list(self._answering.values()):
            answering.stop()
        tasks = self._other_tasks()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2)
        self._background_tasks.difference_update(tasks)  # who never began did not take itself out

    def _other_tasks(self) -> list[asyncio.Task[Any]]:
        """What runs in the background, besides the one who asks."""
        return [task for task in self._background_tasks if task is not asyncio.current_task()]

    async def _open_again(self) -> HardenedConnection | None:
        """Connect and register again; None when the host refuses us, or was not reached in time."""
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + self._reconnect_for, FIRST_PAUSE
        while loop.time() < until:
            try:
                connection = await self._open()
                try:
                    await self._register_again(connection)
                except BaseException:
                    await connection.close()
                    raise
            except PermissionDenied as error:
                logger.warning("the host refused to take this client back: %s", error)
                return None
            except MessagingError:
                await asyncio.sleep(pause * random.uniform(0.5, 1))
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self._host_connection = connection
                self._connected = True
                return connection
        return None

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
        finally:
            self._background_tasks.discard(current_task())
