"""The Creator: the agent that writes agents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from autogen_core import AgentId, MessageContext, RoutedAgent, message_handler

from creator.agents.messages import CompleteText, CreateAgent, Created, Filled, FillTemplate
from creator.authors import Author
from creator.runtime import Admission
from sandbox.protocol import MODEL_GATEWAY, SUPERVISOR, CellReport, Colleague, ColleagueOrder


class CreatorAgent(RoutedAgent):
    """Writes one agent for each brief, on request, statelessly.

    Args:
        author: Turns a brief into a checked module; None where nobody is to be written.
        on_report: Called with what the supervisor tells of a cell.
        on_order: Called with an agent's wish for a colleague, who wishes, and in which conversation.
        admission: Gives what the host knows of a request by its id.
    """

    def __init__(
        self,
        author: Author | None,
        on_report: Callable[[CellReport], None],
        on_order: Callable[[ColleagueOrder, str, str], Awaitable[Colleague]],
        admission: Callable[[str | None], Admission],
    ) -> None:
        super().__init__("Writes agents.")
        self._author = author
        self._on_report = on_report
        self._on_order = on_order
        self._admission = admission

    @message_handler
    async def create(self, message: CreateAgent, ctx: MessageContext) -> Created:
        """Write and check one agent; for the World alone."""
        if ctx.sender is not None or self._author is None:
            raise PermissionError("colleagues are asked for with a ColleagueOrder")
        return await self._author.write(message, _GatewayPen(self, ctx))

    @message_handler
    async def cell_report(self, message: CellReport, ctx: MessageContext) -> CellReport:
        """Take note of a cell that ended; from the supervisor alone."""
        if ctx.sender is None or ctx.sender.type != SUPERVISOR:
            raise PermissionError("only the supervisor tells of cells")
        self._on_report(message)
        return message

    @message_handler
    async def colleague(self, message: ColleagueOrder, ctx: MessageContext) -> Colleague:
        """Write a colleague for an agent, within the limits of the run."""
        if ctx.sender is None:
            raise PermissionError("a colleague is an agent's wish")
        return await self._on_order(message, ctx.sender.type, self._admission(ctx.message_id).conversation)


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
