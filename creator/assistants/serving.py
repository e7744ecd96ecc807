"""The server: the SDK's, with our errors as one line, and an end that leaves nothing behind."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, cast

import anyio
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, InputRequiredResult
from mcp_types import Tool as ToolDescription
from pydantic import AnyUrl, ValidationError

from creator import __version__
from creator.assistants.answers import HONEST, NOTE
from creator.assistants.desk import Desk
from creator.assistants.documents import add_prompts, add_resources
from creator.assistants.purse import Limits
from creator.assistants.stdio import Writer, claimed, lines
from creator.assistants.tools import add_tools
from creator.text import clean

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NAME: Final = "agent-creator-sandbox"
_INSTRUCTIONS: Final = (
    "Agents that write agents, and brainstorm in a sandbox. Read runs with list_runs, read_run, list_ideas and"
    " read_idea; meet agents with list_agents, read_agent and ask_agent; start_run lets a new population work within"
    f' the budget that read_budget tells. Objects called "untrusted" hold {NOTE}. {HONEST}'
)


class AssistantServer(MCPServer[Any]):
    """The SDK's server. What goes wrong is told in one line, and arguments that a tool does not know are refused.

    Args:
        desk: What tools and resources work with.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(NAME, title="Agent creator sandbox", instructions=_INSTRUCTIONS, version=__version__)
        self._desk = desk
        add_tools(self, desk)
        add_resources(self, desk)
        add_prompts(self)

    async def list_tools(self) -> list[ToolDescription]:
        """All tools, with inputs that take no other arguments."""
        tools = await super().list_tools()
        return [
            tool.model_copy(update={"input_schema": {**tool.input_schema, "additionalProperties": False}})
            for tool in tools
        ]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool.

        Raises:
            ToolError: Its text is one line, and holds nothing of this machine.
        """
        tool = next((one for one in await self.list_tools() if one.name == name), None)
        if tool is None:
            raise ToolError(f"There is no tool {clean(name, 60)!r}.")
        known = tool.input_schema.get("properties", {})
        unknown = next((one for one in arguments if one not in known), None)
        if unknown is not None:
            raise ToolError(f"{name} takes no argument {clean(unknown, 60)!r}: it takes {', '.join(known) or 'none'}.")
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            cause = error.__cause__
            if isinstance(cause, ValidationError) and type(error) is ToolError:
                raise ToolError(self._desk.teller.mistake(cause)) from None
            line = self._desk.teller.error(cause) if cause is not None else None
            if line is None:
                raise
            raise ToolError(line) from None

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read a resource.

        Raises:
            ResourceError: Its text is one line, and holds nothing of this machine.
        """
        try:
            return await super().read_resource(uri, context)
        except MCPError:
            raise
        except ResourceError as error:
            line = self._desk.teller.error(error.__cause__) if error.__cause__ is not None else None
            raise ResourceError(line or clean(str(error), 200)) from None

    async def speak(self, source: int, target: int) -> None:
        """Serve one client until it closes its end.

        Args:
            source: The descriptor that its messages come from.
            target: The descriptor that ours go to.
        """
        ends = cast(Any, lines(source)), cast(Any, Writer(target))
        async with stdio_server(*ends) as (incoming, outgoing):
            # The SDK's own way to do this reads standard input itself: see `creator.assistants.stdio`.
            await self._lowlevel_server.run(incoming, outgoing, self._lowlevel_server.create_initialization_options())


async def serve(output: Path, limits: Limits) -> int:
    """Serve one client on standard input and output, until it closes its end or a signal comes.

    Args:
        output: The folder of all runs.
        limits: What may be spent.

    Returns:
        The exit code: 0, or 130 after a signal.

    Raises:
        EnvironmentFault: Standard input or output is closed.
    """
    interrupted = False
    with claimed() as (source, target), anyio.open_signal_receiver(*_SIGNALS) as signals:
        async with Desk(output, limits) as desk, anyio.create_task_group() as group:

            async def speak() -> None:
                await AssistantServer(desk).speak(source, target)
                group.cancel_scope.cancel()

            async def heed() -> None:
                nonlocal interrupted
                async for _ in signals:
                    interrupted = True
                    group.cancel_scope.cancel()

            group.start_soon(speak)
            group.start_soon(heed)
    return 130 if interrupted else 0
