"""An agent as an AutoGen component: the JSON that `AssistantAgent.load_component` and AutoGen Studio take."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from creator.exporting.models import OutsideModel, outside_model
from creator.exporting.reading import character_of, check_name
from creator.models.choose import NO_KEY, PROVIDERS
from creator.models.client_backend import model_info

if TYPE_CHECKING:
    from autogen_core.models import ChatCompletionClient

_FIXED_TEMPERATURE: Final = re.compile(r"o\d|gpt-5")
"""Beginnings of the names of OpenAI's models that refuse a temperature."""


def component_of(source: str, *, name: str, model: str) -> dict[str, Any]:
    """The agent as an ``AssistantAgent`` component, as the installed AutoGen writes it; it never holds a key.

    What the agent does with messages stays behind: a component is its character and its model.

    Args:
        source: The agent's module; nothing of it is run.
        name: The agent's name.
        model: The model that it was made with, such as ``openai:gpt-4.1-mini``.

    Raises:
        UsageError: The module cannot be read, or does not write its system message down.
    """
    from autogen_agentchat.agents import AssistantAgent

    check_name(name)
    character = character_of(source, name)
    description = character.description or f"{name}, an agent that the agent creator sandbox has generated"
    chosen = outside_model(model, PROVIDERS)
    client = _client(chosen, character.temperature)
    agent = AssistantAgent(name, model_client=client, description=description, system_message=character.system_message)
    component = agent.dump_component()
    component.label, component.description = name, description
    made: dict[str, Any] = component.model_dump(mode="json", exclude_none=True)
    _finish(made["config"]["model_client"], chosen, client)
    return made


def _finish(dumped: dict[str, Any], chosen: OutsideModel, client: ChatCompletionClient) -> None:
    """Takes out what is not the agent's, and adds what AutoGen leaves out."""
    config = dumped["config"]
    config.pop("api_key", None)
    if chosen.provider == "openai" and _FIXED_TEMPERATURE.match(chosen.name):
        config.pop("temperature", None)
    if client.model_info == _unknown_model():
        config["model_info"] = _unknown_model()  # the client for Ollama does not write it, and cannot be loaded without
    dumped["label"] = chosen.name
    if chosen.note:
        dumped["description"] = f"{dumped['description']} {chosen.note}"


def _client(chosen: OutsideModel, temperature: float | None) -> ChatCompletionClient:
    """A real client of AutoGen's, which is never asked. Its key is a stand-in: it reads none of the environment."""
    options: dict[str, Any] = {"model": chosen.name}
    make: Callable[..., ChatCompletionClient]
    if chosen.provider == "ollama":
        from autogen_ext.models.ollama import OllamaChatCompletionClient as make

        options |= {} if temperature is None else {"options": {"temperature": temperature}}
    else:
        options |= {"api_key": NO_KEY} | ({} if temperature is None else {"temperature": temperature})
        if chosen.provider == "anthropic":
            from autogen_ext.models.anthropic import AnthropicChatCompletionClient as make
        else:
            from autogen_ext.models.openai import OpenAIChatCompletionClient as make
    try:
        return make(**options)
    except ValueError:  # a model that AutoGen does not know
        return make(**options, model_info=_unknown_model())


def _unknown_model() -> dict[str, Any]:
    """What is said of a model that AutoGen does not know; with function calling, or Studio could give it no tools."""
    return {**model_info(), "function_calling": True}
