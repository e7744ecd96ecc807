"""The request that a handler is answering."""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from autogen_core import CancellationToken

logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True, weakref_slot=True)
class Answering:
    """One request that this runtime is answering.

    Attributes:
        request_id: The host's id of the request.
        recipient: The type of the agent that answers.
        conversation: Id of the conversation, as the host told it; empty outside of one.
        asked: The request's payload.
        deadline: The event loop's time at which nobody waits any more.
        task: Runs the handler.
        token: The handler's ``ctx.cancellation_token``.
        expired: Whether the deadline has passed.
    """

    request_id: str
    recipient: str
    deadline: float
    task: asyncio.Task[Any]
    conversation: str = ""
    asked: bytes = b""
    token: CancellationToken = field(default_factory=CancellationToken)
    expired: bool = False

    def stop(self) -> None:
        """Fire the handler's token, then end the handler."""
        try:
            self.token.cancel()
        except Exception:  # callbacks are the agent's own code
            logger.warning("a callback of a cancellation token of %.100r failed", self.recipient, exc_info=True)
        self.task.cancel()

    def expire(self) -> None:
        """Stop because the deadline has passed."""
        self.expired = True
        self.stop()


answering: ContextVar[Answering | None] = ContextVar("answering", default=None)
"""Set in the task of each handler."""


def current_task() -> asyncio.Task[Any]:
    """The running task; there is one wherever this is called."""
    task = asyncio.current_task()
    assert task is not None
    return task
