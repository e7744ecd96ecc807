"""The language model as a cell sees it: an AutoGen `ChatCompletionClient` that asks the model gateway."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final, Literal

from autogen_core import AgentId, CancellationToken, RoutedAgent
from autogen_core.models import (
    ChatCompletionClient,
    CreateResult,
    LLMMessage,
    ModelCapabilities,
    ModelFamily,
    ModelInfo,
    RequestUsage,
    SystemMessage,
)
from autogen_core.tools import Tool, ToolSchema
from pydantic import BaseModel

from sandbox.protocol import MAX_MESSAGES, MODEL_GATEWAY, Idea, ModelReply, ModelRequest

revising: Final[ContextVar[tuple[Idea, str] | None]] = ContextVar("revising", default=None)
"""Set while an agent revises an idea of its own: the idea, and what others said about it."""


class GatewayModelClient(ChatCompletionClient):
    """Asks the trusted agent `model_gateway`; holds no key and opens no connection.

    Args:
        agent: The agent on whose behalf it asks; its tokens are accounted to this name.
        temperature: Sampling temperature, 0 to 2.
    """

    def __init__(self, agent: RoutedAgent, temperature: float) -> None:
        self._agent = agent
        self._temperature = min(max(temperature, 0.0), 2.0)
        self._usage = RequestUsage(prompt_tokens=0, completion_tokens=0)

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = [],
        tool_choice: Tool | Literal["auto", "required", "none"] = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] = {},
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        """One completion; with ``json_output`` a pydantic class, the content is valid JSON of that class."""
        if tools:
            raise ValueError("the model gateway offers no tools")
        schema = json_output.model_json_schema() if isinstance(json_output, type) else None
        revised, advice = revising.get() or (None, "")
        request = ModelRequest(
            messages=_newest(messages),
            json_schema=schema,
            revises=revised,
            advice=advice,
            temperature=self._temperature,
        )
        reply: ModelReply = await self._agent.runtime.send_message(
            request,
            AgentId(MODEL_GATEWAY, "default"),
            sender=self._agent.id,
            cancellation_token=cancellation_token,
        )
        usage = RequestUsage(prompt_tokens=reply.prompt_tokens, completion_tokens=reply.completion_tokens)
        self._usage = RequestUsage(
            prompt_tokens=self._usage.prompt_tokens + usage.prompt_tokens,
            completion_tokens=self._usage.completion_tokens + usage.completion_tokens,
        )
        return CreateResult(finish_reason="stop", content=reply.content, usage=usage, cached=False)

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = [],
        tool_choice: Tool | Literal["auto", "required", "none"] = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] = {},
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        """The completion in one piece: the gateway answers whole messages."""
        result = await self.create(
            messages, tools=tools, json_output=json_output, cancellation_token=cancellation_token
        )
        assert isinstance(result.content, str)
        yield result.content
        yield result

    async def close(self) -> None:
        """Nothing to close."""

    def actual_usage(self) -> RequestUsage:
        """Tokens of all calls of this client."""
        return self._usage

    def total_usage(self) -> RequestUsage:
        """Tokens of all calls of this client."""
        return self._usage

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = []) -> int:
        """A rough count, four characters a token; the model's own tokenizer stays outside the sandbox."""
        return sum(len(str(message.content)) for message in messages) // 4

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = []) -> int:
        """What `count_tokens` leaves of a modest context of 4,096 tokens."""
        return max(0, 4_096 - self.count_tokens(messages, tools=tools))

    @property
    def capabilities(self) -> ModelCapabilities:
        """Deprecated by AutoGen in favour of `model_info`."""
        return ModelCapabilities(vision=False, function_calling=False, json_output=True)

    @property
    def model_info(self) -> ModelInfo:
        """Text and structured output; which model answers is the gateway's business."""
        return ModelInfo(
            vision=False,
            function_calling=False,
            json_output=True,
            structured_output=True,
            multiple_system_messages=False,
            family=ModelFamily.UNKNOWN,
        )


def _newest(messages: Sequence[LLMMessage]) -> list[LLMMessage]:
    """As many messages as a request holds: an agent that keeps one delegate for long remembers its newest ones."""
    if len(messages) <= MAX_MESSAGES:
        return list(messages)
    head = [message for message in messages[:1] if isinstance(message, SystemMessage)]
    return [*head, *messages[len(head) - MAX_MESSAGES :]]
