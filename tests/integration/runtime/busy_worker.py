"""A worker in its own process whose handler blocks its event loop: ``busy_worker ADDRESS``, credential on stdin."""

from __future__ import annotations

import asyncio
import sys
import time

from autogen_core import AgentId, MessageContext, RoutedAgent, message_handler
from autogen_core._serialization import try_get_known_serializers_for_type

from sandbox.runtime import HardenedRuntime
from tests.integration.runtime.house import Answer, Ask


class Busy(RoutedAgent):
    def __init__(self) -> None:
        super().__init__("blocks its event loop")

    @message_handler
    async def ask(self, message: Ask, ctx: MessageContext) -> Answer:
        time.sleep(2)  # noqa: ASYNC251 - many times what a peer may take to answer a ping
        return Answer(text="was busy")


async def main() -> None:
    runtime = HardenedRuntime(sys.argv[1], credential=sys.stdin.readline().strip(), reconnect_for=0)
    for message in (Ask, Answer):
        runtime.add_message_serializer(try_get_known_serializers_for_type(message))
    await runtime.start()
    await runtime.register_agent_instance(Busy(), AgentId("busy", "default"))
    await runtime.lost.wait()


asyncio.run(main())
