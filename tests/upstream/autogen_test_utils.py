"""Agents and messages that AutoGen's own tests expect of a package of this name, which is on no index; ours."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, NoReturn

from autogen_core import (
    BaseAgent,
    DefaultTopicId,
    MessageContext,
    RoutedAgent,
    default_subscription,
    message_handler,
)


@dataclass
class MessageType:
    """Says nothing."""


@dataclass
class ContentMessage:
    """Says something."""

    content: str


@dataclass
class CascadingMessageType:
    """Makes its recipients publish the next round."""

    round: int


class NoopAgent(BaseAgent):
    """Is registered, and is sent nothing."""

    def __init__(self) -> None:
        super().__init__("does nothing")

    async def on_message_impl(self, message: Any, ctx: MessageContext) -> NoReturn:
        raise NotImplementedError(f"nobody should send me {message!r}")


class LoopbackAgent(RoutedAgent):
    """Counts what it gets and answers it with itself; ``event`` tells that something came."""

    def __init__(self) -> None:
        super().__init__("answers a message with the message")
        self.num_calls = 0
        self.received_messages: list[Any] = []
        self.event = asyncio.Event()

    @message_handler
    async def on_new_message(
        self, message: MessageType | ContentMessage, ctx: MessageContext
    ) -> MessageType | ContentMessage:
        self.num_calls += 1
        self.received_messages.append(message)
        self.event.set()
        return message


@default_subscription
class LoopbackAgentWithDefaultSubscription(LoopbackAgent):
    """Gets what is published on the default topic too."""


@default_subscription
class CascadingAgent(RoutedAgent):
    """Publishes the next round for every message of an earlier round than the last."""

    def __init__(self, max_rounds: int) -> None:
        super().__init__("publishes the next round")
        self.num_calls = 0
        self.max_rounds = max_rounds

    @message_handler
    async def on_new_message(self, message: CascadingMessageType, ctx: MessageContext) -> None:
        self.num_calls += 1
        if message.round < self.max_rounds:
            await self.publish_message(CascadingMessageType(message.round + 1), DefaultTopicId())
