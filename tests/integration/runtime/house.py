"""A host with its clients, as the runtime's tests use it."""

from __future__ import annotations

import asyncio
from typing import Any

from autogen_core import AgentId, CancellationToken, MessageContext, RoutedAgent, message_handler
from autogen_core._serialization import try_get_known_serializers_for_type
from pydantic import BaseModel

from creator.runtime import Credentials, Exchange, Grant, HardenedHost
from sandbox.errors import RecipientNotFound
from sandbox.runtime import HardenedRuntime
from sandbox.runtime.current import answering
from sandbox.runtime.wire import MAX_MESSAGE_BYTES


class Ask(BaseModel):
    do: str = "echo"
    value: int = 0
    text: str = ""


class Answer(BaseModel):
    value: int = 0
    text: str = ""


class Unheard(BaseModel):
    value: int = 0


class NotKnownToAll(BaseModel):
    value: int = 0


class Worker(RoutedAgent):
    """Does what it is asked to, bad things too."""

    def __init__(self) -> None:
        super().__init__("answers")
        self.started = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.released = asyncio.Event()
        self.token: CancellationToken | None = None
        self.closed = False

    async def close(self) -> None:
        self.closed = True

    @message_handler
    async def ask(self, message: Ask, ctx: MessageContext) -> Answer:
        match message.do:
            case "raise empty":
                raise KeyError()
            case "raise":
                raise ZeroDivisionError("by zero")
            case "raise cancelled":
                raise asyncio.CancelledError
            case "claim":
                raise RecipientNotFound("a cell says so")
            case "none":
                return None  # type: ignore[return-value]
            case "object":
                return object()  # type: ignore[return-value]
            case "unknown type":
                return NotKnownToAll()  # type: ignore[return-value]
            case "large":
                return Answer(text="x" * (MAX_MESSAGE_BYTES + 1))
            case "say":
                return Answer(text="x" * message.value)
            case "wait":
                self.token = ctx.cancellation_token
                self.started.set()
                try:
                    await asyncio.sleep(600)
                finally:
                    # What the handler sees while it is being ended.
                    if self.token.is_cancelled():
                        self.cancelled.set()
            case "ignore cancelling":
                self.started.set()
                while not self.released.is_set():
                    try:
                        await self.released.wait()
                    except asyncio.CancelledError:
                        self.cancelled.set()
            case "pass on":
                return await self.send_message(Ask(do="wait"), AgentId(message.text, "default"))
            case "chain":
                first, _, rest = message.text.partition(" ")
                return await self.send_message(
                    Ask(do="chain" if rest else "echo", text=rest), AgentId(first, "default")
                )
        under = answering.get()
        return Answer(value=message.value, text=under.conversation if under is not None else "")


class House:
    """A host, a trusted client, and workers by name."""

    def __init__(self, host: HardenedHost, credentials: Credentials) -> None:
        self.host = host
        self.credentials = credentials
        self.exchanges: list[Exchange] = []
        self.refusals: list[tuple[str, str]] = []
        self.disconnected: list[str] = []
        self.workers: dict[str, Worker] = {}
        self.runtimes: list[HardenedRuntime] = []
        self.trusted: HardenedRuntime

    async def connect(self, *names: str, role: Any = "cell", **options: Any) -> HardenedRuntime:
        grant = Grant("+".join(names), frozenset(names), role)
        options = {"default_timeout": 5, "credential": self.credentials.issue(grant)} | options
        runtime = HardenedRuntime(self.host.address, **options)
        for message in (Ask, Answer, Unheard):
            runtime.add_message_serializer(try_get_known_serializers_for_type(message))
        await runtime.start()
        self.runtimes.append(runtime)
        return runtime

    async def worker(self, name: str, **options: Any) -> HardenedRuntime:
        runtime = await self.connect(name, **options)
        self.workers[name] = Worker()
        await runtime.register_agent_instance(self.workers[name], AgentId(name, "default"))
        return runtime

    async def ask(self, name: str = "bob", timeout: float = 5, conversation: str | None = None, **ask: Any) -> Answer:
        answer = await self.trusted.request(Ask(**ask), name, timeout=timeout, conversation=conversation)
        assert isinstance(answer, Answer)
        return answer

    async def until(self, condition: Any) -> None:
        """Wait until ``condition()`` holds; it fails as a hanging test does."""
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)
