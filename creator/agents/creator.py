"""The Creator: the agent that writes agents."""

from __future__ import annotations

from collections.abc import Callable

from autogen_core import AgentId, MessageContext, RoutedAgent, message_handler

from creator.agents.messages import CreateAgent, Created, Filled, FillTemplate
from creator.authors import Author
from sandbox.protocol import MODEL_GATEWAY, CellReport


class CreatorAgent(RoutedAgent):
    """Writes one agent for each brief, on request, statelessly.

    Args:
        author: Turns a brief into a checked module on disk.
        on_report: Called with what the supervisor tells of a cell.
    """

    def __init__(self, author: Author, on_report: Callable[[CellReport], None]) -> None:
        super().__init__("Writes agents.")
        self._author = author
        self._on_report = on_report

    @message_handler
    async def create(self, message: CreateAgent, ctx: MessageContext) -> Created:
        """Fill, render, check and write one agent."""

        async def fill(request: FillTemplate) -> str:
            answer = await self.send_message(
                request, AgentId(MODEL_GATEWAY, "default"), cancellation_token=ctx.cancellation_token
            )
            assert isinstance(answer, Filled)
            return answer.content

        return await self._author.write(message, fill)

    @message_handler
    async def cell_report(self, message: CellReport, ctx: MessageContext) -> CellReport:
        """Take note of a cell that ended."""
        self._on_report(message)
        return message
