"""Files with AutoGen's model clients in them, as AutoGen itself and its Studio write them, against real servers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from autogen_core.models import LLMMessage, UserMessage

from creator.cli import main
from creator.errors import EnvironmentFault, TerminalModelError, UsageError
from creator.models.backend import Backend
from creator.models.choose import choose_backend
from creator.models.client_backend import model_info
from creator.outputs import write_settings
from creator.settings import SpawnSettings
from tests.scripted_server import ScriptedServer
from tests.unit.outcomes import outcome
from tests.unit.test_cli import store

KEY = "sk-component-0123456789abcdef"
ASK: list[LLMMessage] = [UserMessage(content="Say yes.", source="user")]
SCHEMA = {"title": "T", "type": "object", "properties": {"x": {"type": "string"}}}

Make = Callable[[ScriptedServer], tuple[Any, str]]
"""Makes a client of AutoGen's on a server; with the variable that its key is looked up in."""


def openai(server: ScriptedServer) -> tuple[Any, str]:
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    client = OpenAIChatCompletionClient(model="m", api_key=KEY, base_url=server.url, model_info=model_info())
    return client, "OPENAI_API_KEY"


def anthropic(server: ScriptedServer) -> tuple[Any, str]:
    from autogen_ext.models.anthropic import AnthropicChatCompletionClient

    url = server.url.removesuffix("/v1")
    client = AnthropicChatCompletionClient(model="m", api_key=KEY, base_url=url, model_info=model_info())
    return client, "ANTHROPIC_API_KEY"


def ollama(server: ScriptedServer) -> tuple[Any, str]:
    from autogen_ext.models.ollama import OllamaChatCompletionClient

    return OllamaChatCompletionClient(model="m", host=server.url.removesuffix("/v1"), model_info=model_info()), ""


def choose(path: Path, **environ: str) -> Backend:
    return choose_backend(str(path), None, environ, progress=print)


def written(folder: Path, provider: str, config: Mapping[str, Any], name: str = "model.yaml") -> Path:
    path = folder / name
    value = {"provider": provider, "component_type": "model", "version": 1, "config": dict(config)}
    path.write_text(json.dumps(value, indent="\t") if name.endswith(".json") else yaml.safe_dump(value), "utf-8")
    return path


@pytest.mark.parametrize(
    ("make", "path"), [(openai, "chat/completions"), (anthropic, "messages"), (ollama, "api/chat")]
)
async def test_what_autogen_dumps_is_loaded_and_asked(serve: Any, tmp_path: Path, make: Make, path: str) -> None:
    server = serve()
    client, variable = make(server)
    dumped = client.dump_component()
    await client.close()
    text = dumped.model_dump_json(exclude_none=True)
    assert KEY not in text, "AutoGen writes asterisks in the place of a key"
    file = tmp_path / "model.json"
    file.write_text(text, "utf-8")
    async with choose(file, **({variable: KEY} if variable else {})) as backend:
        await backend.check()
        answer = await backend.complete(ASK, temperature=0.5, max_tokens=50, json_schema=SCHEMA)
    assert backend.name == "model.json:m"
    assert answer.text
    assert [request["path"].split("?")[0].endswith(path) for request in server.requests] == [True, True]


async def test_azure_needs_none_of_azures_packages_for_a_key(
    serve: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    monkeypatch.setitem(sys.modules, "autogen_ext.auth.azure", None)
    server = serve()
    config = {
        "model": "m",
        "azure_endpoint": server.url.removesuffix("/v1"),
        "azure_deployment": "mine",
        "api_version": "2024-10-21",
        "api_key": KEY,
    }
    file = written(tmp_path, "AzureOpenAIChatCompletionClient", config)
    made = await run(1, server=server, model=str(file), base_url=None)
    assert made.exit_code == 0, made.reason
    assert {request["path"] for request in server.requests} == {
        "/openai/deployments/mine/chat/completions?api-version=2024-10-21"
    }
    assert any("response_format" in request for request in server.requests)
    files = [path for path in made.directory.rglob("*") if path.is_file()]
    assert [path.name for path in files if KEY.encode() in path.read_bytes()] == []


async def test_answers_can_stand_in_the_file_itself(tmp_path: Path) -> None:
    provider = "autogen_ext.models.replay.ReplayChatCompletionClient"
    file = written(tmp_path, provider, {"chat_completions": ["Yes.", '{"x": "y"}']}, "model.json")
    async with choose(file) as backend:
        await backend.check()
        assert (await backend.complete(ASK, temperature=0, max_tokens=9, json_schema=SCHEMA)).text == '{"x": "y"}'
        with pytest.raises(TerminalModelError, match="no more answers"):
            await backend.complete(ASK, temperature=0, max_tokens=9)


@pytest.mark.parametrize(
    ("provider", "config", "missing", "install"),
    [
        (
            "AzureOpenAIChatCompletionClient",
            {
                "azure_endpoint": "http://127.0.0.1:1",
                "api_version": "2024-10-21",
                "azure_ad_token_provider": {
                    "provider": "autogen_ext.auth.azure.AzureTokenProvider",
                    "config": {"provider_kind": "DefaultAzureCredential", "scopes": ["x"]},
                },
            },
            "autogen_ext.auth.azure",
            'pip install "autogen-ext[openai,azure]"',
        ),
        ("AnthropicBedrockChatCompletionClient", {}, "boto3", 'pip install "anthropic[bedrock]"'),
        ("OllamaChatCompletionClient", {}, "autogen_ext.models.ollama", 'pip install "autogen-ext[ollama]"'),
    ],
)
async def test_a_missing_package_is_one_line_that_says_how_to_install_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
    config: Mapping[str, Any],
    missing: str,
    install: str,
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    backend = choose(written(tmp_path, provider, {"model": "m", **config}))
    with pytest.raises(EnvironmentFault) as caught:
        async with backend:
            pass
    assert str(caught.value) == f"the model 'model.yaml:m' needs a package that is missing: {install}"


@pytest.mark.parametrize(
    ("provider", "config", "said"),
    [
        ("autogen_ext.models.llama_cpp.LlamaCppChatCompletionClient", {}, "--model FILE.gguf"),
        ("autogen_ext.models.semantic_kernel.SKChatCompletionAdapter", {}, "own provider"),
        ("autogen_ext.models.azure.AzureAIChatCompletionClient", {}, "use AzureOpenAIChatCompletionClient"),
        ("autogen_ext.models.cache.ChatCompletionCache", {"client": {}}, "add --cache"),
        ("evil.ReplayChatCompletionClient", {}, "not allowed"),
        (
            "AzureOpenAIChatCompletionClient",
            {"azure_ad_token_provider": {"provider": "os.system", "config": {}}},
            "'azure_ad_token_provider' of .* is not allowed",
        ),
    ],
)
def test_what_cannot_be_had_is_one_line(tmp_path: Path, provider: str, config: Mapping[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        choose(written(tmp_path, provider, config))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "base_url", "server"),
    [
        ("openai:gpt-4.1-mini", None, {}),
        ("openai:mine", "http://127.0.0.1:9/v1", {"base_url": "http://127.0.0.1:9/v1"}),
        ("anthropic:claude-x", None, {}),
        ("ollama:llama-x", "http://127.0.0.1:9", {"host": "http://127.0.0.1:9"}),
    ],
)
async def test_the_model_of_a_run_is_a_file_that_the_next_run_takes(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    base_url: str | None,
    server: Mapping[str, str],
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    run = store(lambda directory: outcome(directory).model_copy(update={"model": model}))
    write_settings(run.directory, SpawnSettings(count=1, base_url=base_url))
    assert main(["runs", "model"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert KEY not in json.dumps(made) and "api_key" not in made["config"]
    assert {name: made["config"].get(name) for name in server} == server
    assert main(["runs", "model", "--to", "model.json"]) == 0
    async with choose(Path("model.json"), OPENAI_API_KEY=KEY, ANTHROPIC_API_KEY=KEY) as backend:
        assert backend.name == f"model.json:{model.partition(':')[2]}"


@pytest.mark.parametrize(("model", "said"), [("embedded:SmolLM2", "AutoGen has clients for"), ("m.yaml:x", "use that")])
def test_a_model_that_is_no_component_is_one_line(capsys: pytest.CaptureFixture[str], model: str, said: str) -> None:
    store(lambda directory: outcome(directory).model_copy(update={"model": model}))
    assert main(["runs", "model"]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
