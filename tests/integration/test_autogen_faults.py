"""The faults of AutoGen 0.7.5's gRPC runtime, each shown twice: the plain library has it, ours has not.

They stand in ``docs/explanation/autogen-faults.md``. When a scenario fails with ``plain``, AutoGen has changed: look
whether what mends it here can go.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from autogen_core import AgentId, CancellationToken, RoutedAgent, TypePrefixSubscription
from autogen_core._serialization import UnknownPayload
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb
from autogen_ext.runtimes.grpc.protos.agent_worker_pb2_grpc import AgentRpcStub

from creator.runtime import Credentials, Grant, Limits
from sandbox.errors import HandlerFailed
from tests.integration.faulty_worker import (
    BOB,
    TOO_LARGE,
    Answer,
    Ask,
    Kind,
    Unheard,
    Worker,
    open_host,
    open_runtime,
)

HANG: Final = "hang"
HANG_SECONDS: Final = 1.5
"""What is not there after these, where a hang is expected, does not come."""

PATIENCE: Final = 30.0
"""Seconds for what is expected to come, on a busy machine too."""

REPOSITORY: Final = Path(__file__).parents[2]
MOST_PENDING: Final = 500


class Stack:
    """One host with its clients, of the library as shipped or of ours."""

    def __init__(self, kind: Kind, address: str) -> None:
        self.kind = kind
        self.address = address
        self.host: Any = None
        self._credentials = Credentials()
        self._labels = itertools.count(1)
        self._runtimes: list[Any] = []
        self._processes: list[Process] = []

    def of(self, *, plain: Any, ours: Any) -> Any:
        """What is expected of this kind."""
        return plain if self.kind == "plain" else ours

    def open_host(self) -> None:
        """Start a host; a second one takes the address of the first."""
        limits = Limits(pending_per_client=MOST_PENDING)
        self.host = open_host(self.kind, self.address, credentials=self._credentials, limits=limits)
        self.host.start()

    def credential(self, *names: str) -> str:
        """A credential of a new client that may be any of these agents."""
        return self._credentials.issue(Grant(f"client {next(self._labels)}", frozenset(names), "trusted"))

    async def connect(self, *names: str) -> Any:
        """A started runtime of a client that may be any of these agents."""
        runtime = open_runtime(self.kind, self.address, self.credential(*names))
        self._runtimes.append(runtime)
        await runtime.start()
        return runtime

    async def worker(self, name: str = "bob", agent: Worker | None = None) -> Any:
        """A started runtime with one agent."""
        runtime = await self.connect(name)
        await runtime.register_agent_instance(agent or Worker(), AgentId(name, "default"))
        return runtime

    async def spawn(self, role: str, *arguments: str) -> Process:
        """A process of `faulty_worker`; use `line` to hear from it."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.integration.faulty_worker", role, self.kind, self.address, *arguments),
            cwd=REPOSITORY,
            stdout=PIPE,
        )
        self._processes.append(process)
        return process

    async def expect(self, action: Awaitable[Any], *, plain: str, ours: str, hang: float = HANG_SECONDS) -> Any:
        """Check what becomes of an action, and return it.

        Args:
            action: What to wait for.
            plain: The type of the value or of the exception, or the status of a gRPC call, or a hang.
            ours: The same for ours.
            hang: Seconds after which an expected hang counts as one.
        """
        expected = self.of(plain=plain, ours=ours)
        outcome, result = await self._outcome(action, hang if expected == HANG else PATIENCE)
        assert outcome == expected, result
        return result

    async def _outcome(self, action: Awaitable[Any], seconds: float) -> tuple[str, Any]:
        task = asyncio.ensure_future(action)
        done, _ = await asyncio.wait([task], timeout=seconds)
        if not done:
            task.cancel()
            await asyncio.wait([task])
            return HANG, None
        if task.cancelled():
            return "CancelledError", None
        result = task.exception() or task.result()
        return result.code().name if isinstance(result, grpc.aio.AioRpcError) else type(result).__name__, result

    async def close(self) -> None:
        """End everything, also what hangs."""
        for process in self._processes:
            if process.returncode is None:
                process.kill()
            await process.wait()
        for runtime in self._runtimes:
            if self.kind == "plain":
                await close_hard(runtime)
            elif runtime._running:
                await runtime.stop(grace=0)
        await self.host.stop(grace=0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if self.kind == "plain":
            for task in left:
                task.cancel()
        if left:
            _, left = await asyncio.wait(left, timeout=5)
        assert not left, "tasks without an owner"


async def close_hard(runtime: GrpcWorkerAgentRuntime) -> None:
    """End a plain runtime, whose own `stop` may never return."""
    connection = runtime._host_connection
    if connection is None:
        return
    tasks = [*runtime._background_tasks, runtime._read_task, connection._connection_task]
    for task in tasks:
        if task is not None:
            task.cancel()
    await connection._channel.close(grace=0)
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)


async def line(process: Process) -> str:
    """The next line that a process prints."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        return (await process.stdout.readline()).decode().strip()


@pytest.fixture(params=["plain", "ours"])
async def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack with an open host on a unix socket, whose path has to be short."""
    if request.param == "plain":
        # What it leaves behind when it hangs says so to the loop.
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    stack = Stack(request.param, f"unix:{tmp_path_factory.mktemp('s')}/host")
    stack.open_host()
    yield stack
    await stack.close()


async def test_two_callers_get_each_others_answers(stack: Stack) -> None:
    agent = Worker(expected=MOST_PENDING)
    await stack.worker(agent=agent)
    clients = [await stack.connect(name) for name in ("ann", "eve")]
    asked = {
        asyncio.create_task(clients[value % 2].send_message(Ask(do="meet", value=value), BOB)): value
        for value in range(MOST_PENDING)
    }
    await asyncio.wait_for(agent.all_here.wait(), PATIENCE)  # all are pending at once
    waiting: set[asyncio.Task[Any]] = set(asked)
    answered = waiting
    while waiting and answered:
        answered, waiting = await asyncio.wait(
            waiting, timeout=stack.of(plain=HANG_SECONDS, ours=PATIENCE), return_when=asyncio.FIRST_COMPLETED
        )
    for task in waiting:
        task.cancel()
    right = sum(task.result().value == value for task, value in asked.items() if task not in waiting)
    assert (right == MOST_PENDING) == stack.of(plain=False, ours=True)


async def test_an_unknown_recipient(stack: Stack) -> None:
    client = await stack.connect("client")
    await stack.expect(client.send_message(Ask(), BOB), plain=HANG, ours="RecipientNotFound")
    assert len(client._pending_requests) == stack.of(plain=1, ours=0)


async def asked_to_wait(stack: Stack) -> tuple[Any, Process, asyncio.Task[Any]]:
    """A client whose request a worker's process is working on."""
    client = await stack.connect("client")
    process = await stack.spawn("worker", stack.credential("bob"))
    assert await line(process) == "ready"
    pending = asyncio.create_task(client.send_message(Ask(do="wait"), BOB))
    assert await line(process) == "started"
    return client, process, pending


async def test_a_killed_worker(stack: Stack) -> None:
    client, process, pending = await asked_to_wait(stack)
    process.kill()
    await process.wait()
    await stack.expect(pending, plain=HANG, ours="RecipientLost")
    await stack.expect(client.send_message(Ask(), BOB), plain=HANG, ours="RecipientNotFound")


async def test_a_frozen_worker(stack: Stack) -> None:
    _, process, pending = await asked_to_wait(stack)
    process.send_signal(signal.SIGSTOP)
    await stack.expect(pending, plain=HANG, ours="RecipientLost", hang=4)


async def test_a_handler_that_raises(stack: Stack) -> None:
    await stack.worker()
    client = await stack.connect("client")
    error = await stack.expect(client.send_message(Ask(do="raise"), BOB), plain="Exception", ours="HandlerFailed")
    assert "division by zero" in str(error)
    if isinstance(error, HandlerFailed):
        assert error.type_name == "ZeroDivisionError"
        assert "in _divide" in error.traceback


async def test_an_exception_without_a_text(stack: Stack) -> None:
    await stack.worker()
    client = await stack.connect("client")
    asking = client.send_message(Ask(do="raise without a text"), BOB)
    result = await stack.expect(asking, plain=UnknownPayload.__name__, ours="HandlerFailed")
    assert getattr(result, "type_name", None) == stack.of(plain="", ours="KeyError")


@pytest.mark.parametrize(
    "message",
    [Ask(do="answer with None"), Ask(do="answer with an unregistered type"), Unheard()],
    ids=["None", "no serialiser", "unheard"],
)
async def test_an_answer_that_cannot_be_given(stack: Stack, message: Any) -> None:
    await stack.worker()
    client = await stack.connect("client")
    await stack.expect(client.send_message(message, BOB), plain=HANG, ours="HandlerFailed")


class Unborn(Worker):
    def __init__(self) -> None:
        raise ZeroDivisionError("stillborn")


def no_agent() -> Worker:
    raise ZeroDivisionError("stillborn")


@pytest.mark.parametrize("factory", [no_agent, Unborn], ids=["factory", "constructor"])
async def test_an_agent_that_cannot_be_made(stack: Stack, factory: Any) -> None:
    runtime = await stack.connect("bob")
    await runtime.register_factory("bob", factory)
    client = await stack.connect("client")
    error = await stack.expect(client.send_message(Ask(), BOB), plain=HANG, ours="HandlerFailed")
    if error is not None:
        assert str(error) == "ZeroDivisionError: stillborn"


async def test_a_request_that_is_too_large(stack: Stack) -> None:
    await stack.worker()
    client = await stack.connect("client")
    await stack.expect(client.send_message(Ask(text="x" * TOO_LARGE), BOB), plain=HANG, ours="MessageTooLarge")
    await stack.expect(client.send_message(Ask(), BOB), plain=HANG, ours="Answer")


async def test_an_answer_that_is_too_large(stack: Stack) -> None:
    await stack.worker()
    client = await stack.connect("client")
    await stack.expect(client.send_message(Ask(do="answer with too much"), BOB), plain=HANG, ours="HandlerFailed")
    await stack.expect(client.send_message(Ask(), BOB), plain=HANG, ours="Answer")


async def test_a_host_that_comes_back(stack: Stack) -> None:
    await stack.worker()
    client = await stack.connect("client")
    await stack.host.stop(grace=0)
    stack.open_host()

    async def ask_until_answered() -> Any:
        while True:
            try:
                return await client.send_message(Ask(), BOB)
            except (ConnectionError, LookupError):
                await asyncio.sleep(0.05)

    await stack.expect(ask_until_answered(), plain=HANG, ours="Answer", hang=4)
    # One's own channel comes back, so that registering hides what is broken.
    await client._host_connection._channel.channel_ready()
    await stack.expect(client.register_factory("client", Worker), plain="AgentType", ours="AgentType")


async def test_a_name_that_is_taken(stack: Stack) -> None:
    owner = await stack.worker()
    other = await stack.connect("bob")
    error = await stack.expect(other.register_factory("bob", Worker), plain="INVALID_ARGUMENT", ours="NameTaken")
    assert isinstance(error, ValueError) == stack.of(plain=False, ours=True)
    identities = ["client 1", *(value for _, value in owner._host_connection.metadata)]
    assert any(identity in str(error) for identity in identities) == stack.of(plain=True, ours=False)
    assert ("bob" in other._agent_factories) == stack.of(plain=True, ours=False)


async def test_a_forged_sender(stack: Stack) -> None:
    await stack.worker()
    eve = await stack.connect("eve")
    asking = eve.send_message(Ask(do="name the sender"), BOB, sender=AgentId("ann", "default"))
    result = await stack.expect(asking, plain="Answer", ours="PermissionDenied")
    if isinstance(result, Answer):
        assert result.text == "ann/default"


async def test_a_second_connection_of_the_same_client(stack: Stack) -> None:
    worker = await stack.worker()
    client = await stack.connect("client")
    async with grpc.aio.insecure_channel(stack.address) as channel:
        thief = AgentRpcStub(channel).OpenChannel(metadata=worker._host_connection.metadata)
        reading = asyncio.ensure_future(thief.read())
        asked = []
        while not reading.done():  # the thief's stream may open at any time
            asked.append(asyncio.create_task(client.send_message(Ask(text="a secret"), BOB)))
            await asyncio.wait([reading], timeout=0.05)
        stolen = await stack.expect(reading, plain="Message", ours="ALREADY_EXISTS")
        assert stack.kind == "ours" or b"a secret" in stolen.request.payload.data
        for task in asked:
            task.cancel()
        await asyncio.wait(asked)


async def test_a_registration_under_an_invented_identity(stack: Stack) -> None:
    async with grpc.aio.insecure_channel(stack.address) as channel:
        registering = AgentRpcStub(channel).RegisterAgent(
            pb.RegisterAgentTypeRequest(type="bob"),
            metadata=[(stack.of(plain="client-id", ours="credential"), "invented")],
        )
        await stack.expect(registering, plain="RegisterAgentTypeResponse", ours="PERMISSION_DENIED")
    # Who invented it has no connection whose end would free the name.
    await stack.expect(stack.worker("bob"), plain="INVALID_ARGUMENT", ours="HardenedRuntime")


async def test_subscriptions_of_others(stack: Stack) -> None:
    worker = await stack.worker()
    subscription = TypePrefixSubscription("bob:", "bob")
    await worker.add_subscription(subscription)
    connection = (await stack.worker("eve"))._host_connection
    listed = await connection.stub.GetSubscriptions(pb.GetSubscriptionsRequest(), metadata=connection.metadata)
    assert [each.id for each in listed.subscriptions] == stack.of(plain=[subscription.id], ours=[])
    removing = connection.stub.RemoveSubscription(
        pb.RemoveSubscriptionRequest(id=subscription.id), metadata=connection.metadata
    )
    await stack.expect(removing, plain="RemoveSubscriptionResponse", ours="PERMISSION_DENIED")


@pytest.mark.parametrize("agent", ["bob", "eve"])
async def test_a_subscription_to_everything(stack: Stack, agent: str) -> None:
    await stack.worker()
    eve = await stack.worker("eve")
    adding = eve.add_subscription(TypePrefixSubscription("", agent))
    await stack.expect(adding, plain="NoneType", ours="PermissionDenied")


async def test_a_cancellation_token(stack: Stack) -> None:
    agent, token = Worker(), CancellationToken()
    await stack.worker(agent=agent)
    client = await stack.connect("client")
    pending = asyncio.create_task(client.send_message(Ask(do="wait"), BOB, cancellation_token=token))
    await agent.started.wait()
    token.cancel()
    await stack.expect(pending, plain=HANG, ours="CancelledError")
    await stack.expect(agent.ended.wait(), plain=HANG, ours="bool")
    assert agent.token is not None
    assert agent.token.is_cancelled() == stack.of(plain=False, ours=True)


async def test_stopping_a_worker_that_hangs(stack: Stack) -> None:
    agent = Worker()
    worker = await stack.worker(agent=agent)
    client = await stack.connect("client")
    pending = asyncio.create_task(client.send_message(Ask(do="wait"), BOB))
    await agent.started.wait()
    await stack.expect(asyncio.shield(worker.stop()), plain=HANG, ours="NoneType")
    await stack.expect(pending, plain=HANG, ours="RecipientLost")


async def test_starting_again(stack: Stack) -> None:
    await stack.worker()
    client = await stack.connect("client")
    await client.stop()
    await client.start()
    await stack.expect(client.send_message(Ask(), BOB), plain=HANG, ours="Answer")


async def test_a_process_that_forgets_to_stop_its_host(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> None:
    stack.address = f"unix:{tmp_path_factory.mktemp('s')}/host"
    process = await stack.spawn("host")
    assert await line(process) == "leaving"
    await stack.expect(process.wait(), plain=HANG, ours="int", hang=4)
    assert process.returncode == stack.of(plain=None, ours=0)


class Idle(RoutedAgent):
    def __init__(self) -> None:
        super().__init__("does nothing")


async def test_the_cost_of_many_registrations(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    compare = TypePrefixSubscription.__eq__

    def count(self: TypePrefixSubscription, other: object) -> bool:
        nonlocal compared
        compared += 1
        return compare(self, other)

    names = [f"agent{i}" for i in range(40)]
    client = await stack.connect(*names)
    monkeypatch.setattr(TypePrefixSubscription, "__eq__", count)
    comparisons = []
    for name in names:
        before = compared
        await Idle.register(client, name, Idle)
        comparisons.append(compared - before)
    # The n-th is compared with all before it, by the worker and by the host.
    assert comparisons == stack.of(plain=[2 * i for i in range(40)], ours=[0] * 40)


async def test_messages_are_rendered_for_nobody(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = 0

    def count(message: pb.Message) -> str:
        nonlocal rendered
        rendered += 1
        return "a message"

    await stack.worker()
    client = await stack.connect("client")
    monkeypatch.setattr(pb.Message, "__str__", count)
    await stack.expect(client.send_message(Ask(), BOB), plain="Answer", ours="Answer")
    # The request by its sender, twice by the host, and by its recipient; the answer as often.
    assert rendered == stack.of(plain=8, ours=0)


async def test_requests_without_bound(stack: Stack) -> None:
    agent = Worker(expected=2 * MOST_PENDING)
    await stack.worker(agent=agent)
    client = await stack.connect("client")
    asked = [asyncio.create_task(client.send_message(Ask(do="meet"), BOB)) for _ in range(2 * MOST_PENDING)]
    ends = iter(asyncio.as_completed(asked))
    for end in itertools.islice(ends, MOST_PENDING):
        await stack.expect(end, plain="Answer", ours="Overloaded")
    agent.all_here.set()
    for end in ends:
        await stack.expect(end, plain="Answer", ours="Answer")
