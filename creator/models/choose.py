"""Which model a run gets: from ``--model``, ``--base-url`` and the keys in the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from creator.errors import EnvironmentFault, UsageError
from creator.masking import checked_key, public_url, secrets_of_environment, secrets_of_url
from creator.models.backend import Backend, Strategy
from creator.models.calls import ModelCalls
from creator.models.client_backend import ClientBackend, model_info, openai_client, openai_embedder
from creator.models.component_file import component_backend
from creator.models.embedded import EmbeddedBackend
from creator.models.filling import Filler, ObjectFiller
from creator.models.providers import KEYS
from creator.models.servers import server_address
from creator.models.slot_filling import SlotFiller

if TYPE_CHECKING:
    from autogen_core.models import ChatCompletionClient
    from openai import AsyncOpenAI


FORMS: Final = "embedded, openai:NAME, anthropic:NAME, ollama:NAME, FILE.gguf or a component FILE.yaml"
PROVIDERS: Final = frozenset({"openai", "anthropic", "ollama"})
OLLAMA_PORT: Final = 11434
OLLAMA_URL: Final = f"http://127.0.0.1:{OLLAMA_PORT}"
NO_KEY: Final = "not-needed"


def choose_backend(
    spec: str | None,
    base_url: str | None,
    environ: Mapping[str, str],
    *,
    max_concurrency: int | None = None,
    progress: Callable[[str], None],
) -> Backend:
    """The model for a run; opens no connection.

    Args:
        spec: What the user asked for; None lets the keys in the environment decide.
        base_url: An OpenAI-compatible server.
        environ: Where keys are looked up.
        max_concurrency: Most calls at once; None leaves it to the model.
        progress: Called with a line for what takes long.

    Raises:
        UsageError: The spec cannot be understood, or does not fit the URL.
        EnvironmentFault: The provider's key is missing.
    """
    backend = _choose(spec, base_url, environ, progress)
    if max_concurrency is not None:
        backend.max_concurrency = max_concurrency
    return backend


def filler_for(strategy: Strategy, calls: ModelCalls) -> Filler:
    """The filler that suits a model."""
    return ObjectFiller(calls) if strategy == "object" else SlotFiller(calls)


def _choose(
    spec: str | None, base_url: str | None, environ: Mapping[str, str], progress: Callable[[str], None]
) -> Backend:
    if spec is None and base_url is not None:
        raise UsageError("--base-url needs a model on that server: add --model openai:NAME")
    if spec is None:
        for provider, (variable, name) in KEYS.items():
            if environ.get(variable):
                return _provider(provider, name, None, environ, f"chosen because {variable} is set")
        return EmbeddedBackend(None, progress)
    provider, _, name = spec.partition(":")
    if provider in PROVIDERS and name:  # before the files: a server's model may be called model.gguf
        return _provider(provider, name, base_url, environ, "")
    if spec == "embedded" or spec.endswith(".gguf"):
        if base_url is not None:
            raise UsageError(f"--base-url does not go with --model {spec}")
        return EmbeddedBackend(None if spec == "embedded" else Path(spec).expanduser(), progress)
    if spec.endswith((".yaml", ".yml", ".json")):
        if base_url is not None:
            raise UsageError("--base-url does not go with a component file: set base_url in the file")
        return component_backend(Path(spec).expanduser(), environ)
    if not name:
        if base_url is not None:
            return _provider("openai", spec, base_url, environ, "")
        raise UsageError(f"unknown model {spec!r}: use {FORMS}")
    raise UsageError(f"unknown provider {provider!r}: use {FORMS}")


def _provider(provider: str, name: str, base_url: str | None, environ: Mapping[str, str], why: str) -> ClientBackend:
    key = ""
    if provider in KEYS:
        variable, _ = KEYS[provider]
        key = checked_key(environ.get(variable, ""), variable)
        if not key and base_url is None:
            raise EnvironmentFault(f"no key for {provider}: set {variable} in the environment or in .env")
    base_url = base_url or (environ.get("OPENAI_BASE_URL") if provider == "openai" else None)
    notice = why or (f"on {public_url(base_url)}" if base_url else f"{provider}'s own service")
    address = base_url or ""
    make: Callable[[], ChatCompletionClient]
    embedder: Callable[[], AsyncOpenAI] | None = None
    if provider == "openai":
        make, structured = (lambda: openai_client(name, key or NO_KEY, base_url)), "response_format"
        embedder = partial(openai_embedder, key or NO_KEY, base_url)
    elif provider == "anthropic":
        make, structured = (lambda: _anthropic_client(name, key or NO_KEY, base_url)), ""
        address = base_url or environ.get("ANTHROPIC_BASE_URL", "")  # which its client knows of itself
    else:
        base_url = host = address = base_url or environ.get("OLLAMA_HOST") or OLLAMA_URL
        make, structured = (lambda: _ollama_client(name, host)), "format"
        embedder = partial(openai_embedder, NO_KEY, _ollama_openai_url(host))
    backend = ClientBackend(
        f"{provider}:{name}",
        notice,
        make,
        secrets=[key, *secrets_of_url(base_url), *secrets_of_environment(environ)],
        structured=structured,
        max_concurrency=4 if provider == "ollama" else 32,
        make_embedder=embedder,
    )
    backend.provider = provider
    backend.address = server_address(address)
    return backend


def _anthropic_client(name: str, key: str, base_url: str | None) -> ChatCompletionClient:
    from autogen_ext.models.anthropic import AnthropicChatCompletionClient

    options: dict[str, Any] = {} if base_url is None else {"base_url": base_url}
    return AnthropicChatCompletionClient(model=name, api_key=key, max_retries=0, model_info=model_info(), **options)


def _ollama_client(name: str, host: str) -> ChatCompletionClient:
    from autogen_ext.models.ollama import OllamaChatCompletionClient

    return OllamaChatCompletionClient(model=name, host=host, model_info=model_info())


def _ollama_openai_url(host: str) -> str:
    """Where Ollama speaks OpenAI's protocol; its own variable may leave out scheme and port."""
    if "://" not in host:
        host = f"http://{host}" if ":" in host else f"http://{host}:{OLLAMA_PORT}"
    return f"{host.rstrip('/')}/v1"
