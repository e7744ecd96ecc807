"""What the fault scenarios share, and a worker or a host in a process of its own, which can be killed or frozen.

::

    python -m tests.integration.faulty_worker worker KIND ADDRESS [CREDENTIAL]   # says "ready", then "started"
    python -m tests.integration.faulty_worker host KIND ADDRESS                  # says "leaving"
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Literal

import grpc
from autogen_core import AgentId, CancellationToken, MessageContext, RoutedAgent, message_handler
from autogen_core._serialization import try_get_known_serializers_for_type
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime, GrpcWorkerAgentRuntimeHost
from pydantic import BaseModel

from creator.runtime import HardenedHost
from sandbox.runtime import HardenedRuntime

Kind = Literal["plain", "ours"]

BOB = AgentId("bob", "default")
TOO_LARGE = 5 << 20
"""Bytes; gRPC's own limit, which the plain library keeps, is 4 MiB."""


class Ask(BaseModel):
    do: str = "echo"
    value: int = 0
    text: str = ""


class Answer(BaseModel):
    value: int = 0
    text: str = ""


class Unheard(BaseModel):
    """Known to every runtime, handled by no agent."""


class Unregistered(BaseModel):
    """No runtime has a serialiser for it."""


class Worker(RoutedAgent):
    """Does what it is asked to, bad things too.

    Args:
        expected: How many requests to "meet" have to be there before one is answered.
    """

    def __init__(self, expected: int = 0) -> None:
        super().__init__("answers")
        self.started = asyncio.Event()
        self.ended = asyncio.Event()
        self.token: CancellationToken | None = None
        self._missing = expected
        self.all_here = asyncio.Event()

    @message_handler
    async def ask(self, message: Ask, ctx: MessageContext) -> Answer | Unregistered | None:
        match message.do:
            case "raise":
                _divide(message.value)
            case "raise without a text":
                raise KeyError
            case "answer with None":
                return None
            case "answer with an unregistered type":
                return Unregistered()
            case "answer with too much":
                return Answer(text="x" * TOO_LARGE)
            case "name the sender":
                return Answer(text=str(ctx.sender))
            case "meet":
                self._missing -= 1
                if self._missing == 0:
                    self.all_here.set()
                await self.all_here.wait()
            case "wait":
                self.token = ctx.cancellation_token
                self.started.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    self.ended.set()
        return Answer(value=message.value)


def _divide(value: int) -> float:
    return value / 0


def open_runtime(kind: Kind, address: str, credential: str | None = None) -> GrpcWorkerAgentRuntime:
    """A runtime that is not started, and knows the messages."""
    runtime = (
        GrpcWorkerAgentRuntime(address)
        if kind == "plain"
        else HardenedRuntime(address, credential=credential, default_timeout=60)
    )
    for message in (Ask, Answer, Unheard):
        runtime.add_message_serializer(try_get_known_serializers_for_type(message))
    return runtime


def open_host(kind: Kind, address: str, **options: Any) -> GrpcWorkerAgentRuntimeHost:
    """A host that is not started."""
    return GrpcWorkerAgentRuntimeHost(address) if kind == "plain" else HardenedHost(address, **options)


async def _work(kind: Kind, address: str, credential: str) -> None:
    runtime = open_runtime(kind, address, credential)
    await runtime.start()
    worker = Worker()
    await runtime.register_agent_instance(worker, BOB)
    print("ready", flush=True)
    await worker.started.wait()
    print("started", flush=True)
    await asyncio.Event().wait()


async def _serve(kind: Kind, address: str) -> None:
    open_host(kind, address).start()
    # No call: after one, the plain host's process ends now and then.
    async with grpc.aio.insecure_channel(address) as channel:
        await channel.channel_ready()
    print("leaving", flush=True)


if __name__ == "__main__":
    asyncio.run({"worker": _work, "host": _serve}[sys.argv[1]](*sys.argv[2:]))  # type: ignore[operator]
