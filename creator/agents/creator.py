"""The Creator: the agent that writes agents."""

from __future__ import annotations

from collections.abc import Callable

from autogen_core import AgentId, MessageContext, RoutedAgent, message_handler

from creator.agents.messages import CompleteText, CreateAgent, Created, Filled, FillTemplate
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
        """Write and check one agent; for the World alone."""
        if ctx.sender is not None:
            raise PermissionError("agents are ordered with ColleagueOrder")
        return await self._author.write(message, _GatewayPen(self, ctx))

    @message_handler
    async def cell_report(self, message: CellReport, ctx: MessageContext) -> CellReport:
        """Take note of a cell that ended."""
        self._on_report(message)
        return message


class _GatewayPen:
    """Asks the model through the gateway, as part of one request.

    Args:
        agent: The Creator.
        ctx: Of the request that it is answering.
    """

    def __init__(self, agent: CreatorAgent, ctx: MessageContext) -> None:
        self._agent = agent
        self._ctx = ctx

    async def fill(self, request: FillTemplate) -> str:
        return await self._ask(request)

    async def complete(self, request: CompleteText) -> str:
        return await self._ask(request)

    async def _ask(self, request: FillTemplate | CompleteText) -> str:
        gateway = AgentId(MODEL_GATEWAY, "default")
        token = self._ctx.cancellation_token
        answer = await self._agent.send_message(request, gateway, cancellation_token=token)
        assert isinstance(answer, Filled)
        return answer.content
