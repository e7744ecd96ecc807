"""A client's connection to the host."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import grpc
import grpc.aio
from autogen_ext.runtimes.grpc._worker_runtime import HostConnection
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2_grpc

from sandbox.errors import MessagingError, NameTaken, PermissionDenied, RecipientLost
from sandbox.runtime.outbox import Outbox
from sandbox.runtime.wire import CLIENT_ID, CREDENTIAL, OPERATION, Tls

CALL_SECONDS = 10.0
"""How long the host may take to answer a registration."""


class HardenedConnection(HostConnection):
    """A connection that proves who it is, says when it ends, and renders no message to text.

    Args:
        channel: An open channel.
        metadata: What every call carries: who this client is.
    """

    def __init__(self, channel: grpc.aio.Channel, metadata: Sequence[tuple[str, str]]) -> None:
        super().__init__(channel, agent_worker_pb2_grpc.AgentRpcStub(channel))
        self._metadata = metadata
        self._outbox = Outbox()
        self._stream: Any = None
        self._writer: asyncio.Task[None] | None = None
        self.closed = False
        """Whether this side closed it on purpose."""

    @property
    def metadata(self) -> Sequence[tuple[str, str]]:
        """What every call carries; the host knows the client by nothing else."""
        return self._metadata

    @classmethod
    async def open(
        cls,
        address: str,
        *,
        credential: str | None,
        client_id: str,
        tls: Tls | None,
        options: Sequence[tuple[str, Any]],
        timeout: float,
    ) -> HardenedConnection:
        """Connect, and wait until the host has accepted this client.

        Args:
            address: The host's gRPC address, ``unix:/path`` or ``name:port``.
            credential: The secret that the host issued; None for an open host.
            client_id: Who this client says it is at an open host.
            tls: Certificates; None for a connection in the clear.
            options: Options of the channel.
            timeout: Seconds until `RecipientLost` is raised.

        Raises:
            PermissionDenied: The host refuses this client.
            RecipientLost: There is no host.
        """
        if tls is None:
            channel = grpc.aio.insecure_channel(address, options=list(options))
        else:
            named = [("grpc.ssl_target_name_override", tls.server_name)] if tls.server_name else []
            channel = grpc.aio.secure_channel(address, tls.channel_credentials(), options=[*options, *named])
        metadata = [(CLIENT_ID, client_id)] if credential is None else [(CREDENTIAL, credential)]
        connection = cls(channel, metadata)
        try:
            async with asyncio.timeout(timeout):
                await _ready(channel, address)
                connection._stream = connection.stub.OpenChannel(metadata=metadata)
                # The host sends its initial metadata once it has accepted the client.
                await connection._stream.initial_metadata()
                if connection._stream.done():
                    raise _translated(await connection._stream.code(), await connection._stream.details())
        except TimeoutError:
            await connection.close()
            raise RecipientLost(f"no connection to the host at {address!r} within {timeout:g} s") from None
        except grpc.aio.AioRpcError as error:
            await connection.close()
            raise _translated(error.code(), error.details()) from None
        except BaseException:
            await connection.close()
            raise
        connection._writer = asyncio.create_task(connection._write())
        return connection

    async def _write(self) -> None:
        # Not an iterator given to gRPC: when the host refuses the stream, gRPC leaves the task behind that reads it.
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # the reader says it
            await self._outbox.write_to(self._stream.write)

    async def recv(self) -> pb.Message:
        """The next message of the host; raises `RecipientLost` when the stream has ended."""
        try:
            message = await self._stream.read()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            raise RecipientLost("the connection to the host broke") from None
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            raise RecipientLost("the connection was closed") from None
        if message is grpc.aio.EOF:
            raise RecipientLost("the host closed the connection")
        return message  # type: ignore[no-any-return]

    def put(self, message: pb.Message) -> None:
        """Queue a message for the host."""
        self._outbox.put(message)

    async def send(self, message: pb.Message) -> None:
        """AutoGen's name for `put`."""
        self.put(message)

    async def call(self, method: str, request: Any, operation: str | None = None) -> Any:
        """One unary call of AutoGen's protocol, such as ``RegisterAgent``; raises a `MessagingError`."""
        metadata = [*self._metadata, *([(OPERATION, operation)] if operation else [])]
        try:
            return await getattr(self.stub, method)(request, metadata=metadata, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            raise _translated(error.code(), error.details()) from None
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            raise RecipientLost("the connection was closed") from None

    async def drained(self) -> None:
        """Wait until gRPC has taken everything that was queued."""
        await self._outbox.drained()

    async def close(self) -> None:
        """Close the channel; pending reads end with `RecipientLost`."""
        self.closed = True
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait([self._writer])
        if self._stream is not None:
            self._stream.cancel()  # closing a channel leaves a stream alive that no task of gRPC's own works on
        await self._channel.close(grace=0)


async def _ready(channel: grpc.aio.Channel, address: str) -> None:
    """Wait until a channel is connected; raises `RecipientLost` as soon as that has failed."""
    while (state := channel.get_state(try_to_connect=True)) is not grpc.ChannelConnectivity.READY:
        if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
            raise RecipientLost(f"no connection to the host at {address!r}: it is not there, or its TLS does not fit")
        await channel.wait_for_state_change(state)


def _is_being_cancelled() -> bool:
    """Whether a CancelledError is meant for this task; gRPC raises one, too, where a channel is closed."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _translated(code: grpc.StatusCode, details: str | None) -> MessagingError:
    text = details or code.name.lower()
    if code in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED):
        return PermissionDenied(text)
    if code is grpc.StatusCode.ALREADY_EXISTS:
        return NameTaken(text)
    return RecipientLost(f"the host did not answer: {text}")
