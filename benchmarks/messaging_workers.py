"""The processes that ``benchmarks.messaging`` starts: hosts, workers and callers of the three stacks, and a flooder.

``plain`` is AutoGen 0.7.5 as shipped, ``ours`` the hardened host and runtime with everything switched on, and
``bare`` a relay of the same protobuf messages with nothing else: no JSON, no agents, no logging.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import grpc.aio
from autogen_core import AgentId, AgentRuntime, MessageContext, RoutedAgent, message_handler
from autogen_core._serialization import try_get_known_serializers_for_type
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime, GrpcWorkerAgentRuntimeHost
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2_grpc
from pydantic import BaseModel

from benchmarks.processes import Link
from creator.runtime import Credentials, Grant, HardenedHost
from sandbox.runtime import HardenedRuntime

GIVE_UP_SECONDS: Final = 5.0

Ask = Callable[[], Awaitable[int]]
"""Sends one request of a size chosen before, waits for its answer, and returns the answer's length."""
Prepare = Callable[[int], Ask]
"""Makes an `Ask` for payloads of so many bytes."""


class Text(BaseModel):
    """The payload."""

    text: str


class Echo(RoutedAgent):
    """Answers with what it was sent."""

    def __init__(self) -> None:
        super().__init__("echo")

    @message_handler
    async def on_text(self, message: Text, ctx: MessageContext) -> Text:
        """Answer with the same message."""
        return message


async def run_host(link: Link, stack: str, address: str, grants: Sequence[Grant]) -> None:
    """A host; says first which credentials it issued for ``grants``."""
    async with HOSTS[stack](address, grants) as credentials:
        link.send(credentials)
        await link.receive()


async def run_worker(link: Link, stack: str, address: str, name: str, credential: str | None) -> None:
    """A worker with an echo agent called ``name``."""
    if stack == "bare":
        async with bare_worker(address, name):
            link.send()
            await link.receive()
    runtime = await connect(stack, address, credential)
    await Echo.register(runtime, name, Echo)
    link.send()
    await link.receive()


async def run_caller(
    link: Link, stack: str, address: str, target: str, sender: str | None, credential: str | None
) -> None:
    """A caller: measures times of requests to ``target``."""
    async with ASKERS[stack](address, target, sender, credential) as prepare:
        link.send()
        while True:
            measure, size, *options = await link.receive()
            link.send(await MEASURES[measure](prepare(size), size, *options))


async def run_registrar(link: Link, stack: str, address: str, credential: str | None) -> None:
    """A worker that registers as many agents as it is told to, and says how many seconds that took."""
    runtime = await connect(stack, address, credential)
    await Echo.register(runtime, "warm-up", Echo)
    link.send()
    while True:
        (count,) = await link.receive()
        started = time.perf_counter()
        for number in range(count):
            await Echo.register(runtime, f"name{number}", Echo)
        link.send(time.perf_counter() - started)


async def run_flooder(link: Link, address: str, credential: str) -> None:
    """A cell that sends as fast as it can, from one command to the next, and then says how many it sent.

    It writes to its stream itself, and takes the answers from it unread, because a host reads no more of a client
    that lets its answers pile up. Each flood is a new connection, so that nothing of it is left after it.
    """
    link.send()
    while True:
        size, per_stream = await link.receive()
        numbers = itertools.count()
        async with grpc.aio.insecure_channel(address) as channel:
            flooding = asyncio.create_task(_flood(channel, credential, size, per_stream, numbers))
            link.send()
            await link.receive()
            if flooding.done():
                flooding.result()  # it ends by failing only
            flooding.cancel()
            await asyncio.wait([flooding])
        link.send(next(numbers))


async def _flood(
    channel: grpc.aio.Channel, credential: str, size: int, per_stream: int, numbers: Iterator[int]
) -> None:
    stub = agent_worker_pb2_grpc.AgentRpcStub(channel)
    payload = pb.Payload(data_type="Text", data=_json(size), data_content_type="application/json")
    while True:
        stream = stub.OpenChannel(metadata=[("credential", credential)])
        dropping = asyncio.create_task(_drop_all(stream))
        try:
            await stream.wait_for_connection()
            for _ in range(per_stream):
                await stream.write(_request(f"flood{next(numbers)}", "registry", payload, "eve"))
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await asyncio.sleep(0.001)  # refused, or put out
        finally:
            dropping.cancel()
            stream.cancel()


async def _drop_all(stream: Any) -> None:
    while await stream.read() is not grpc.aio.EOF:
        pass


# Measuring


async def latencies(ask: Ask, size: int, requests: int) -> list[float]:
    """Seconds that each of so many requests took, one after the other."""
    times = []
    for _ in range(requests):
        started = time.perf_counter()
        length = await ask()
        times.append(time.perf_counter() - started)
        assert length == size, f"sent {size} bytes, got {length} back"
    return times


async def paced(ask: Ask, size: int, requests: int, pause: float) -> list[float]:
    """The same with pauses; when one request is not answered in time, that time is all that counts."""
    times = []
    for _ in range(requests):
        started = time.perf_counter()
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                await ask()
        except TimeoutError:
            return [GIVE_UP_SECONDS]
        times.append(time.perf_counter() - started)
        await asyncio.sleep(pause)
    return times


async def throughput(ask: Ask, size: int, requests: int, in_flight: int) -> float:
    """Requests a second, with ``in_flight`` of them unanswered at any time."""
    remaining = iter(range(requests))

    async def some() -> None:
        for _ in remaining:
            assert await ask() == size

    started = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(in_flight)))
    return requests / (time.perf_counter() - started)


MEASURES: Final[dict[str, Callable[..., Awaitable[Any]]]] = {
    "latency": latencies,
    "paced": paced,
    "throughput": throughput,
}


# The stacks of agents: plain and ours


@asynccontextmanager
async def plain_host(address: str, grants: Sequence[Grant]) -> AsyncIterator[list[None]]:
    """AutoGen's host; it asks nobody for a credential."""
    GrpcWorkerAgentRuntimeHost(address).start()
    yield [None for _ in grants]


@asynccontextmanager
async def our_host(address: str, grants: Sequence[Grant]) -> AsyncIterator[list[str]]:
    """The hardened host, making a record of every exchange."""
    credentials = Credentials()
    exchanges = itertools.count()
    async with HardenedHost(
        address,
        credentials=credentials,
        on_exchange=lambda exchange: next(exchanges),
        on_refusal=lambda client, reason: None,
        on_disconnect=lambda client: None,
    ):
        yield [credentials.issue(grant) for grant in grants]


async def connect(stack: str, address: str, credential: str | None) -> AgentRuntime:
    """A started runtime."""
    runtime: GrpcWorkerAgentRuntime
    runtime = GrpcWorkerAgentRuntime(address) if stack == "plain" else HardenedRuntime(address, credential=credential)
    runtime.add_message_serializer(try_get_known_serializers_for_type(Text))
    await runtime.start()
    return runtime


def _agent_asker(stack: str) -> Callable[..., AbstractAsyncContextManager[Prepare]]:
    @asynccontextmanager
    async def asker(address: str, target: str, sender: str | None, credential: str | None) -> AsyncIterator[Prepare]:
        runtime = await connect(stack, address, credential)
        recipient = AgentId(target, "default")
        source = AgentId(sender, "default") if sender is not None else None

        def prepare(size: int) -> Ask:
            message = Text(text=_text(size))

            async def ask() -> int:
                answer: Text = await runtime.send_message(message, recipient, sender=source)
                return len(answer.text)

            return ask

        yield prepare

    return asker


# The bare stack


class Relay(agent_worker_pb2_grpc.AgentRpcServicer):
    """Passes requests to the client that they name, and answers to the client that asked."""

    def __init__(self) -> None:
        self._outgoing: dict[str, asyncio.Queue[pb.Message]] = {}
        self._asked_by: dict[str, asyncio.Queue[pb.Message]] = {}

    async def OpenChannel(self, request_iterator: AsyncIterator[pb.Message], context: Any) -> AsyncIterator[pb.Message]:
        """One client's stream."""
        outgoing: asyncio.Queue[pb.Message] = asyncio.Queue()
        self._outgoing[dict(context.invocation_metadata())["client-id"]] = outgoing
        reading = asyncio.create_task(self._read(request_iterator, outgoing))
        try:
            while True:
                yield await outgoing.get()
        finally:
            reading.cancel()

    async def _read(self, incoming: AsyncIterator[pb.Message], outgoing: asyncio.Queue[pb.Message]) -> None:
        async for message in incoming:
            if message.HasField("request"):
                self._asked_by[message.request.request_id] = outgoing
                self._outgoing[message.request.target.type].put_nowait(message)
            else:
                self._asked_by.pop(message.response.request_id).put_nowait(message)


@asynccontextmanager
async def bare_host(address: str, grants: Sequence[Grant]) -> AsyncIterator[list[None]]:
    """A relay."""
    server = grpc.aio.server()
    agent_worker_pb2_grpc.add_AgentRpcServicer_to_server(Relay(), server)
    server.add_insecure_port(address)
    await server.start()
    yield [None for _ in grants]


@asynccontextmanager
async def bare_stream(address: str, name: str) -> AsyncIterator[tuple[Any, asyncio.Queue[pb.Message]]]:
    """A client's stream, to read from, with the queue of what it sends."""
    outgoing: asyncio.Queue[pb.Message] = asyncio.Queue()

    async def all_outgoing() -> AsyncIterator[pb.Message]:
        while True:
            yield await outgoing.get()

    async with grpc.aio.insecure_channel(address) as channel:
        stub = agent_worker_pb2_grpc.AgentRpcStub(channel)
        stream = stub.OpenChannel(all_outgoing(), metadata=[("client-id", name)])
        await stream.wait_for_connection()
        yield stream, outgoing


@asynccontextmanager
async def bare_worker(address: str, name: str) -> AsyncIterator[None]:
    """Answers with what it is sent."""
    async with bare_stream(address, name) as (stream, outgoing):

        async def read() -> None:
            async for message in stream:
                request = message.request
                response = pb.RpcResponse(request_id=request.request_id, payload=request.payload)
                outgoing.put_nowait(pb.Message(response=response))

        reading = asyncio.create_task(read())
        yield
        reading.cancel()


@asynccontextmanager
async def bare_asker(address: str, target: str, sender: str | None, credential: str | None) -> AsyncIterator[Prepare]:
    """Asks a bare worker."""
    pending: dict[str, asyncio.Future[pb.RpcResponse]] = {}
    numbers = itertools.count()
    async with bare_stream(address, "caller") as (stream, outgoing):

        async def read() -> None:
            async for message in stream:
                pending.pop(message.response.request_id).set_result(message.response)

        def prepare(size: int) -> Ask:
            payload = pb.Payload(data_type="Text", data=_text(size).encode(), data_content_type="text/plain")

            async def ask() -> int:
                request_id = str(next(numbers))
                future = pending[request_id] = asyncio.get_running_loop().create_future()
                outgoing.put_nowait(_request(request_id, target, payload, sender))
                return len((await future).payload.data)

            return ask

        reading = asyncio.create_task(read())
        yield prepare
        reading.cancel()


HOSTS: Final[dict[str, Callable[..., AbstractAsyncContextManager[Sequence[str | None]]]]] = {
    "bare": bare_host,
    "plain": plain_host,
    "ours": our_host,
}
ASKERS: Final[dict[str, Callable[..., AbstractAsyncContextManager[Prepare]]]] = {
    "bare": bare_asker,
    "plain": _agent_asker("plain"),
    "ours": _agent_asker("ours"),
}


def _request(request_id: str, target: str, payload: pb.Payload, sender: str | None) -> pb.Message:
    source = pb.AgentId(type=sender, key="default") if sender is not None else None
    address = pb.AgentId(type=target, key="default")
    return pb.Message(request=pb.RpcRequest(request_id=request_id, target=address, source=source, payload=payload))


def _text(size: int) -> str:
    return ("lorem ipsum dolor sit amet " * (size // 27 + 1))[:size]


def _json(size: int) -> bytes:
    return Text(text=_text(size)).model_dump_json().encode()
