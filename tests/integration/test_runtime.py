"""The hardened host and its worker twin: every request ends, in the right hands, and strangers get nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from autogen_core import AgentId, MessageContext, RoutedAgent, TopicId, TypePrefixSubscription, message_handler
from autogen_core._serialization import try_get_known_serializers_for_type
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb
from pydantic import BaseModel

from creator.runtime import Credentials, Exchange, Grant, HardenedHost
from creator.runtime.host import MAX_PENDING
from sandbox.errors import (
    ConversationEnded,
    DeadlineExceeded,
    HandlerFailed,
    MessageTooLarge,
    MessagingError,
    Overloaded,
    PermissionDenied,
    RecipientLost,
    RecipientNotFound,
)
from sandbox.runtime import MAX_MESSAGE_BYTES, CellRuntime


class Ask(BaseModel):
    do: str = "echo"
    value: int = 0
    text: str = ""


class Answer(BaseModel):
    value: int = 0
    text: str = ""


class Unheard(BaseModel):
    value: int = 0


class Worker(RoutedAgent):
    def __init__(self) -> None:
        super().__init__("answers")
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()

    @message_handler
    async def ask(self, message: Ask, ctx: MessageContext) -> Answer:
        match message.do:
            case "raise empty":
                raise KeyError()
            case "raise":
                raise ZeroDivisionError("by zero")
            case "claim":
                raise RecipientNotFound("a cell says so")
            case "none":
                return None  # type: ignore[return-value]
            case "large":
                return Answer(text="x" * (MAX_MESSAGE_BYTES + 1))
            case "wait":
                self.started.set()
                try:
                    await asyncio.sleep(600)
                finally:
                    self.cancelled.set()
            case "pass on":
                return await self.send_message(Ask(do=message.text), AgentId(message.text or "bob", "default"))
            case "chain":
                first, _, rest = message.text.partition(" ")
                return await self.send_message(
                    Ask(do="chain" if rest else "echo", text=rest), AgentId(first, "default")
                )
        return Answer(value=message.value)


class House:
    """A host, a trusted client, and workers by name."""

    def __init__(self, host: HardenedHost, credentials: Credentials) -> None:
        self.host = host
        self.credentials = credentials
        self.exchanges: list[Exchange] = []
        self.refusals: list[tuple[str, str]] = []
        self.workers: dict[str, Worker] = {}
        self.runtimes: list[CellRuntime] = []
        self.trusted: CellRuntime

    async def connect(self, *names: str, role: Any = "cell") -> CellRuntime:
        runtime = CellRuntime(
            self.host.address, self.credentials.issue(Grant("+".join(names), frozenset(names), role)), default_timeout=5
        )
        for message in (Ask, Answer, Unheard):
            runtime.add_message_serializer(try_get_known_serializers_for_type(message))
        await runtime.start()
        self.runtimes.append(runtime)
        return runtime

    async def worker(self, name: str) -> CellRuntime:
        runtime = await self.connect(name)
        self.workers[name] = Worker()
        await runtime.register_agent_instance(self.workers[name], AgentId(name, "default"))
        return runtime

    async def ask(self, name: str = "bob", timeout: float = 5, conversation: str | None = None, **ask: Any) -> Answer:
        answer = await self.trusted.request(Ask(**ask), name, timeout=timeout, conversation=conversation)
        assert isinstance(answer, Answer)
        return answer


@pytest.fixture
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    credentials = Credentials()
    holder: list[House] = []
    socket = Path(tmp_path_factory.mktemp("s", numbered=True)) / "host.sock"
    async with HardenedHost(
        socket,
        credentials,
        hop_limit=2,
        on_exchange=lambda exchange: holder[0].exchanges.append(exchange),
        on_refusal=lambda client, reason: holder[0].refusals.append((client, reason)),
    ) as host:
        house = House(host, credentials)
        holder.append(house)
        house.trusted = await house.connect("creator", role="trusted")
        yield house
        for runtime in house.runtimes:
            if runtime._running:
                await runtime.stop()


async def test_an_answer_comes_back(house: House) -> None:
    await house.worker("bob")
    assert (await house.ask(value=7)).value == 7


async def test_every_answer_reaches_its_own_caller(house: House) -> None:
    await house.worker("bob")
    clients = [await house.connect(f"client{i}", role="trusted") for i in range(4)]

    async def many(client: CellRuntime, base: int) -> None:
        answers = await asyncio.gather(*(client.request(Ask(value=base + i), "bob", timeout=30) for i in range(250)))
        assert [answer.value for answer in answers] == [base + i for i in range(250)]

    await asyncio.gather(*(many(client, 1_000 * i) for i, client in enumerate(clients)))


@pytest.mark.parametrize(
    ("ask", "error", "text"),
    [
        ({"name": "nobody"}, RecipientNotFound, "'nobody'"),
        ({"do": "raise empty"}, HandlerFailed, "KeyError"),
        ({"do": "raise"}, HandlerFailed, "ZeroDivisionError: by zero"),
        ({"do": "none"}, HandlerFailed, "None"),
        ({"do": "large"}, HandlerFailed, "the limit is"),
        ({"do": "claim"}, HandlerFailed, "a cell says so"),
        ({"do": "wait", "timeout": 0.2}, DeadlineExceeded, "'bob'"),
        ({"text": "x" * (MAX_MESSAGE_BYTES + 1)}, MessageTooLarge, "the limit is"),
    ],
)
async def test_what_cannot_be_answered_ends_in_its_error(
    house: House, ask: dict[str, Any], error: type[MessagingError], text: str
) -> None:
    await house.worker("bob")
    with pytest.raises(error, match=text) as caught:
        await house.ask(**ask)
    assert type(caught.value) is error
    assert (await house.ask(value=1)).value == 1, "the connection is unharmed"


async def test_an_unhandled_message_type_is_an_error(house: House) -> None:
    await house.worker("bob")
    with pytest.raises(HandlerFailed):
        await house.trusted.request(Unheard(), "bob", timeout=5)


async def test_a_deadline_ends_the_handler_as_well(house: House) -> None:
    await house.worker("bob")
    with pytest.raises(DeadlineExceeded):
        await house.ask(do="wait", timeout=0.2)
    await asyncio.wait_for(house.workers["bob"].cancelled.wait(), 5)


async def test_a_worker_that_goes_away_fails_its_callers(house: House) -> None:
    runtime = await house.worker("bob")
    pending = asyncio.create_task(house.ask(do="wait", timeout=60))
    await asyncio.wait_for(house.workers["bob"].started.wait(), 5)
    await runtime.stop()
    with pytest.raises(RecipientLost):
        await asyncio.wait_for(pending, 5)
    with pytest.raises(RecipientNotFound):
        await house.ask()


async def test_a_name_is_free_again_after_its_worker_left(house: House) -> None:
    runtime = await house.worker("bob")
    await runtime.stop()
    while "bob" in house.host._servicer._owners:  # type: ignore[attr-defined]
        await asyncio.sleep(0)
    await house.worker("bob")
    assert (await house.ask(value=3)).value == 3


async def test_a_lost_host_fails_everyone(house: House) -> None:
    await house.worker("bob")
    pending = asyncio.create_task(house.ask(do="wait", timeout=60))
    await asyncio.wait_for(house.workers["bob"].started.wait(), 5)
    await house.host._server.stop(grace=0)
    with pytest.raises(RecipientLost):
        await asyncio.wait_for(pending, 5)
    with pytest.raises(RecipientLost):
        await house.ask()


async def refused(action: Callable[[], Awaitable[Any]]) -> None:
    with pytest.raises(Exception, match=r"PERMISSION_DENIED|may not|refused"):
        await action()


async def test_strangers_and_thieves_are_refused_and_recorded(house: House) -> None:
    eve = await house.worker("eve")
    await house.worker("bob")
    stranger = CellRuntime(house.host.address, "guess")
    await refused(stranger.start)
    await refused(lambda: eve._register_agent_type("creator"))
    await refused(lambda: eve._register_agent_type("bob"))
    await refused(lambda: eve.add_subscription(TypePrefixSubscription(topic_type_prefix="", agent_type="eve")))
    await refused(lambda: eve.add_subscription(TypePrefixSubscription(topic_type_prefix="bob:", agent_type="bob")))
    with pytest.raises(PermissionDenied, match="as 'bob'"):
        await eve.send_message(Ask(), AgentId("bob", "default"), sender=AgentId("bob", "default"))
    with pytest.raises(PermissionDenied, match="creator"):
        await eve.send_message(Ask(), AgentId("creator", "default"), sender=AgentId("eve", "default"))
    with pytest.raises(PermissionDenied, match="while it answers"):
        await eve.send_message(Ask(), AgentId("bob", "default"), sender=AgentId("eve", "default"))
    with pytest.raises(PermissionError):
        await eve.publish_message(Ask(), TopicId("default", "default"))
    assert len(house.refusals) == 8
    assert "guess" not in str(house.refusals)


async def test_one_credential_opens_one_connection(house: House) -> None:
    eve = await house.connect("eve")
    again = CellRuntime(house.host.address, eve._credential)
    await refused(again.start)


async def test_an_answer_that_was_not_asked_for_is_dropped(house: House) -> None:
    await house.worker("bob")
    eve = await house.worker("eve")
    pending = asyncio.create_task(house.ask(do="wait", timeout=1))
    await asyncio.wait_for(house.workers["bob"].started.wait(), 5)
    assert eve._host_connection is not None
    for guess in range(50):
        forged = pb.RpcResponse(request_id=f"r{guess}", error="stolen")
        await eve._host_connection.send(pb.Message(response=forged))
    with pytest.raises(DeadlineExceeded):
        await pending


async def test_colleagues_are_asked_within_a_conversation(house: House) -> None:
    for name in ("bob", "eve"):
        await house.worker(name)
    await house.ask("bob", do="chain", text="eve", conversation="c1")
    inner = next(exchange for exchange in house.exchanges if exchange.source == "bob")
    assert (inner.target, inner.conversation, inner.chain, inner.outcome) == ("eve", "c1", ("bob",), "ok")


async def test_nobody_takes_part_twice_and_hops_are_limited(house: House) -> None:
    for name in ("ann", "bob", "cyd", "dan"):
        await house.worker(name)
    with pytest.raises(HandlerFailed, match="already took part"):
        await house.ask("ann", do="chain", text="bob ann", conversation="c1")
    with pytest.raises(HandlerFailed, match="limit of 2 hops"):
        await house.ask("ann", do="chain", text="bob cyd dan", conversation="c2")
    assert {exchange.outcome for exchange in house.exchanges} >= {ConversationEnded.__name__}


async def test_a_cell_cannot_flood_the_host(house: House) -> None:
    eve = await house.worker("eve")
    registry = await house.connect("registry", role="trusted")
    await registry.register_agent_instance(Worker(), AgentId("registry", "default"))

    async def ask() -> str:
        try:
            await eve._ask(Ask(do="wait"), AgentId("registry", "default"), AgentId("eve", "default"), 1, None, {})
        except MessagingError as error:
            return type(error).__name__
        return "answered"

    outcomes = await asyncio.gather(*(ask() for _ in range(3 * MAX_PENDING)))
    assert outcomes.count(Overloaded.__name__) == 2 * MAX_PENDING


async def test_stop_always_returns_and_start_works_again(house: House) -> None:
    runtime = await house.connect("zoe")
    pending = asyncio.create_task(runtime.request(Ask(), "bob", timeout=60, sender=AgentId("zoe", "default")))
    await asyncio.sleep(0)
    await asyncio.wait_for(runtime.stop(), 5)
    with pytest.raises(MessagingError):
        await pending
    while "zoe" in house.host._servicer._clients:  # type: ignore[attr-defined]
        await asyncio.sleep(0)
    await runtime.start()
