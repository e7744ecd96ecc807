"""An agent as an AutoGen component: the JSON that `AssistantAgent.load_component` and AutoGen Studio take."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from creator.errors import UsageError
from creator.exporting.models import OutsideModel, outside_model
from creator.exporting.reading import character_of, check_name
from creator.models.choose import NO_KEY, PROVIDERS
from creator.models.client_backend import model_info
from creator.text import clean

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
    client = _client(chosen, {} if character.temperature is None else {"temperature": character.temperature})
    agent = AssistantAgent(name, model_client=client, description=description, system_message=character.system_message)
    component = agent.dump_component()
    component.label, component.description = name, description
    made: dict[str, Any] = component.model_dump(mode="json", exclude_none=True)
    _finish(made["config"]["model_client"], chosen, client)
    return made


def model_component_of(model: str, base_url: str | None) -> dict[str, Any]:
    """A run's model as a component of AutoGen's, which ``--model FILE.json`` takes too; it never holds a key.

    Args:
        model: As the run has recorded it, such as ``openai:gpt-4.1-mini``.
        base_url: The server that it was on; None for the provider's own.

    Raises:
        UsageError: AutoGen has no client for it, or it came from a file.
    """
    provider, _, name = model.partition(":")
    if provider not in PROVIDERS or not name:
        advice = (
            "use that file"
            if provider.endswith((".yaml", ".yml", ".json"))
            else f"AutoGen has clients for {', '.join(sorted(PROVIDERS))}"
        )
        raise UsageError(f"The model {clean(model, 100)!r} cannot be written as a component: {advice}.")
    options = {} if base_url is None else {"host" if provider == "ollama" else "base_url": base_url}
    chosen = OutsideModel(provider, name)
    client = _client(chosen, options)
    dumped: dict[str, Any] = client.dump_component().model_dump(mode="json", exclude_none=True)
    _finish(dumped, chosen, client)
    return dumped


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


def _client(chosen: OutsideModel, further: Mapping[str, Any]) -> ChatCompletionClient:
    """A real client of AutoGen's, which is never asked. Its key is a stand-in: it reads none of the environment.

    Args:
        chosen: The model.
        further: What else it is made with.
    """
    options: dict[str, Any] = {"model": chosen.name, **further}
    make: Callable[..., ChatCompletionClient]
    if chosen.provider == "ollama":
        from autogen_ext.models.ollama import OllamaChatCompletionClient as make

        if "temperature" in options:
            options["options"] = {"temperature": options.pop("temperature")}
    else:
        options["api_key"] = NO_KEY
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
