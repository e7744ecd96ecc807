"""The kit outside of the sandbox: what a script has in place of `sandbox.kit`'s ties to our runtime.

Scripts get copies of these definitions (see `creator.exporting.inlining`), before those of `sandbox.kit` that have the
same name. So nothing may be imported here that is neither AutoGen's, Python's nor copied in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal

from autogen_core import AgentId, CancellationToken, MessageContext, RoutedAgent, SingleThreadedAgentRuntime
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage
from autogen_core.tools import Tool, ToolSchema
from autogen_ext.models.openai import OpenAIChatCompletionClient
from openai import BadRequestError
from pydantic import BaseModel

from creator.models.client_backend import model_info
from sandbox.colleagues import Choice
from sandbox.protocol import (
    Colleague,
    Idea,
    Message,
    Opinion,
    OpinionRequest,
    Pattern,
    ProposeRequest,
    Refinement,
    RefineRequest,
)

MODEL: Final = "gpt-4.1-mini"
"""The model when the environment names none; every script has the one of its agent here."""

_clients: Final[list[ChatCompletionClient]] = []


class GatewayModelClient(OpenAIChatCompletionClient):
    """In place of the gateway's: AutoGen's client for OpenAI, on the server and with the key of the environment.

    A schema goes along as a wish, not as OpenAI's strict mode, which refuses limits of length.

    Args:
        agent: The agent on whose behalf it asks.
        temperature: Sampling temperature, 0 to 2.
    """

    def __init__(self, agent: RoutedAgent, temperature: float) -> None:
        super().__init__(
            model=os.environ.get("MODEL") or MODEL,
            api_key=os.environ.get("OPENAI_API_KEY") or "not-needed",
            base_url=os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1",
            model_info=model_info(),
            include_name_in_message=False,
        )
        self._options: dict[str, Any] = {"temperature": min(max(temperature, 0.0), 2.0)}
        _clients.append(self)

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
        """One completion."""
        extra = dict(extra_create_args)
        if isinstance(json_output, type):
            schema = {"name": json_output.__name__, "schema": json_output.model_json_schema()}
            extra["response_format"] = {"type": "json_schema", "json_schema": schema}
            json_output = None
        while True:
            try:
                return await super().create(
                    messages,
                    tools=tools,
                    tool_choice=tool_choice,
                    json_output=json_output,
                    extra_create_args={**self._options, **extra},
                    cancellation_token=cancellation_token,
                )
            except BadRequestError as error:
                if not self._options or "temperature" not in str(error):
                    raise
                self._options.clear()  # this model has a temperature of its own


def chance(probability: float, *, sharing: bool = True) -> bool:
    """True with the given probability."""
    return random.random() < probability


async def find_colleague(agent: RoutedAgent, how: Choice = "random", skill: str | None = None) -> str | None:
    """None: nobody else is here."""
    return None


async def share(agent: RoutedAgent, name: str, request: RefineRequest, ctx: MessageContext) -> Refinement | None:
    """None: nobody else is here to refine an idea."""
    return None


async def ask_opinion(agent: RoutedAgent, name: str, request: OpinionRequest, ctx: MessageContext) -> Opinion | None:
    """None: nobody else is here to say what it thinks."""
    return None


async def develop(
    agent: RoutedAgent,
    draft: Idea,
    message: ProposeRequest,
    ctx: MessageContext,
    *,
    write: Callable[[str, MessageContext], Awaitable[Idea]],
    pattern: Pattern,
    probability: float,
    choose: Choice = "random",
    skill: str | None = None,
    first: str | None = None,
) -> Idea:
    """The draft: nobody else is here to work on it."""
    return draft


async def pass_on(
    agent: RoutedAgent,
    message: RefineRequest,
    idea: Idea,
    ctx: MessageContext,
    *,
    probability: float,
    choose: Choice = "random",
    skill: str | None = None,
) -> None:
    """Nothing: nobody else is here."""


async def ask_for_colleague(agent: RoutedAgent, *, sector: str, role: str, topic: str | None = None) -> Colleague:
    """A refusal: no creator is here."""
    return Colleague(name=None, reason="no creator is here")


def visible(text: str) -> str:
    """A model's text without what would steer a terminal, as the console can show it."""
    encoding = sys.stdout.encoding or "utf-8"
    kept = "".join(character for character in text if character.isprintable() or character == "\n")
    return kept.encode(encoding, "replace").decode(encoding)


async def ask(agent: type[RoutedAgent], name: str, request: Message) -> object:
    """Starts AutoGen's runtime in this process, registers the agent under its name and asks it once."""
    runtime = SingleThreadedAgentRuntime()
    await agent.register(runtime, name, lambda: agent(name))
    runtime.start()
    try:
        return await runtime.send_message(request, AgentId(name, "default"))
    finally:
        await runtime.close()
        for client in _clients:
            await client.close()


def main(agent: type[RoutedAgent], name: str, objective: str, request: Callable[[str], Message]) -> None:
    """Asks the agent for one idea and prints it.

    Args:
        agent: The agent's class.
        name: The agent's name.
        objective: What to work on, when the command line does not say.
        request: Makes the message for an objective.
    """
    parser = argparse.ArgumentParser(description=f"Ask the agent {name} for one idea.")
    parser.add_argument("objective", nargs="*", help="what to work on, instead of what it worked on before")
    wanted = (" ".join(parser.parse_args().objective).strip() or objective)[:4_000]
    if not os.environ.get("OPENAI_API_KEY") and not os.environ.get("OPENAI_BASE_URL"):
        sys.exit("Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs no key.")
    try:
        answer = asyncio.run(ask(agent, name, request(wanted)))
    except Exception as error:
        sys.exit(visible(f"{name} gave no idea: {type(error).__name__}: {error}"))
    told = getattr(answer, "idea", getattr(answer, "content", answer))
    if told is None:
        sys.exit(f"{name} gave no idea.")
    parts = told if isinstance(told, BaseModel) else [("", told)]
    for label, value in parts:
        heading = f"{label.replace('_', ' ').capitalize()}: " if label else ""
        print(visible(f"{heading}{value}"))
