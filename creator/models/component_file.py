"""A model from an AutoGen component file, in YAML or JSON: ``provider`` and ``config``.

It is what `dump_component` of AutoGen's model clients writes, and AutoGen Studio's gallery.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from creator.errors import UsageError
from creator.masking import checked_key, secrets_of_config, secrets_of_environment
from creator.models.client_backend import ClientBackend, model_info
from creator.models.servers import SERVER_VARIABLES, server_address
from creator.text import clean

if TYPE_CHECKING:
    from autogen_core.models import ChatCompletionClient


@dataclass(frozen=True)
class ClientKind:
    """One of AutoGen's model clients.

    Attributes:
        module: Where it is.
        provider: Whose models it asks, in OpenTelemetry's words; empty where that is nobody's.
        install: What pip has to install for it.
        structured: How its server is told of a schema; see `ClientBackend`.
        key: The variable that holds its key when the file does not.
        needs: Modules that are imported when it is first asked, and that its package does without.
    """

    module: str
    provider: str
    install: str
    structured: str = ""
    key: str = ""
    needs: tuple[str, ...] = ()


CLIENTS: Final[Mapping[str, ClientKind]] = {
    "OpenAIChatCompletionClient": ClientKind(
        "autogen_ext.models.openai", "openai", "autogen-ext[openai]", "response_format", "OPENAI_API_KEY"
    ),
    "AzureOpenAIChatCompletionClient": ClientKind(
        "autogen_ext.models.openai",
        "azure.ai.openai",
        "autogen-ext[openai,azure]",
        "response_format",
        "AZURE_OPENAI_API_KEY",
    ),
    "AnthropicChatCompletionClient": ClientKind(
        "autogen_ext.models.anthropic", "anthropic", "autogen-ext[anthropic]", key="ANTHROPIC_API_KEY"
    ),
    "AnthropicBedrockChatCompletionClient": ClientKind(
        "autogen_ext.models.anthropic", "aws.bedrock", "anthropic[bedrock]", needs=("boto3",)
    ),
    "OllamaChatCompletionClient": ClientKind("autogen_ext.models.ollama", "ollama", "autogen-ext[ollama]", "format"),
    "ReplayChatCompletionClient": ClientKind("autogen_ext.models.replay", "", "autogen-ext"),
}
"""What a component file may name. AutoGen imports a provider before it checks it, so this is checked first."""

SHORT_NAMES: Final = {
    "openai_chat_completion_client": "OpenAIChatCompletionClient",
    "azure_openai_chat_completion_client": "AzureOpenAIChatCompletionClient",
}
"""Further names that AutoGen knows."""

INSTEAD: Final = {
    "AzureAIChatCompletionClient": "AutoGen cannot load it from a file: use AzureOpenAIChatCompletionClient",
    "LlamaCppChatCompletionClient": "AutoGen cannot load it from a file: --model FILE.gguf runs such a model",
    "SKChatCompletionAdapter": "AutoGen cannot load it from a file: name the client of the model's own provider",
    "ChatCompletionCache": "name the client inside of it, and add --cache",
}
"""Clients of AutoGen's that cannot be had this way, and what can."""

TOKEN_PROVIDER: Final = "autogen_ext.auth.azure.AzureTokenProvider"  # noqa: S105 - a class
SECRET_FIELDS: Final = frozenset({"api_key", "azure_ad_token", "bedrock_info"})
"""Of a component file's configuration."""


def component_backend(path: Path, environ: Mapping[str, str]) -> ClientBackend:
    """The model of a component file.

    Args:
        path: The file.
        environ: Where a key is looked up that the file does not hold.

    Raises:
        UsageError: The file cannot be read, or names what cannot be had.
    """
    value = _read(path)
    kind = _kind(value.get("provider"), path)
    client = CLIENTS[kind]
    config = dict(value.get("config", {}))
    if client.key or client.needs:
        config.setdefault("max_retries", 0)
    config.setdefault("model_info", dict(model_info()))
    _take_key(config, client, path, environ)
    _check_token_provider(config, path)
    backend = ClientBackend(
        f"{path.name}:{clean(str(config.get('model', 'answers' if kind.startswith('Replay') else 'unknown')), 100)}",
        f"from {path.name}",
        lambda: _make(kind, config),
        secrets=[*secrets_of_config(config), *secrets_of_environment(environ)],
        structured=client.structured,
        max_concurrency=1 if kind.startswith("Replay") else 32,  # its answers are given in order
    )
    backend.provider = client.provider
    # Whatever the file says may change the answers; only who asks does not.
    told = {name: value for name, value in config.items() if name not in SECRET_FIELDS}
    servers = [server_address(environ.get(name, "")) for name in SERVER_VARIABLES]
    text = json.dumps([f"{client.module}.{kind}", told, servers], sort_keys=True, default=str)
    backend.address = hashlib.sha256(text.encode()).hexdigest()
    return backend


def _read(path: Path) -> dict[str, Any]:
    """The file's object, of which ``config`` is one too."""
    import yaml

    form = "JSON" if path.suffix == ".json" else "YAML"
    try:
        text = path.read_text(encoding="utf-8-sig")
        value = json.loads(text) if form == "JSON" else yaml.safe_load(text)
    except OSError as error:
        raise UsageError(f"cannot read the model file {str(path)!r}: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise UsageError(f"the model file {str(path)!r} is no valid {form}") from None
    if not isinstance(value, dict) or not isinstance(value.get("config", {}), dict):
        raise UsageError(f"the model file {str(path)!r} needs 'provider' and 'config'")
    return value


def _kind(provider: object, path: Path) -> str:
    """The class that a file names, by its full or its short name."""
    named = provider if isinstance(provider, str) else ""
    module, _, short = named.rpartition(".")
    kind = SHORT_NAMES.get(short, short)
    if kind in CLIENTS and module in ("", CLIENTS[kind].module):
        return kind
    if kind in INSTEAD and (not module or module.startswith("autogen_ext.")):
        raise UsageError(f"the provider {kind!r} in {str(path)!r} cannot be used: {INSTEAD[kind]}")
    shown = clean(str(provider), 100)
    raise UsageError(f"the provider {shown!r} in {str(path)!r} is not allowed: use one of {', '.join(sorted(CLIENTS))}")


def _take_key(config: dict[str, Any], client: ClientKind, path: Path, environ: Mapping[str, str]) -> None:
    """The key of the file, or of the environment where it holds none; AutoGen writes asterisks in the place of one."""
    key = config.get("api_key")
    if isinstance(key, str) and not key.strip("* "):
        del config["api_key"]
    if "api_key" in config:
        if isinstance(config["api_key"], str):
            config["api_key"] = checked_key(config["api_key"], f"'api_key' of {path.name}")
    elif (
        client.key
        and "azure_ad_token" not in config
        and (found := checked_key(environ.get(client.key, ""), client.key))
    ):
        config["api_key"] = found


def _check_token_provider(config: Mapping[str, Any], path: Path) -> None:
    """A component in a component is imported by its name too."""
    inner = config.get("azure_ad_token_provider")
    if inner is not None and (not isinstance(inner, dict) or inner.get("provider") != TOKEN_PROVIDER):
        raise UsageError(f"'azure_ad_token_provider' of {str(path)!r} is not allowed: use {TOKEN_PROVIDER!r}")


def _make(kind: str, config: dict[str, Any]) -> ChatCompletionClient:
    """The client itself.

    Raises:
        ImportError: A package is missing; its text says what to install.
    """
    client = CLIENTS[kind]
    try:
        for needed in client.needs:
            importlib.import_module(needed)
        made: type[Any] = getattr(importlib.import_module(client.module), kind)
        if kind == "AzureOpenAIChatCompletionClient" and "azure_ad_token_provider" not in config:
            # AutoGen's own way imports Azure's packages, which only a token provider needs.
            fields = made.component_config_schema(**config).model_dump(exclude_none=True)
            key = {"api_key": config["api_key"]} if "api_key" in config else {}  # which the form of it masks
            return made(**{**fields, **key})  # type: ignore[no-any-return]
        return made.load_component({"provider": f"{client.module}.{kind}", "config": config}, made)  # type: ignore[no-any-return]
    except ImportError as error:
        raise ImportError(f'pip install "{client.install}"') from error
