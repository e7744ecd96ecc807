"""Which model a run gets, and what a user is told who asks for one that cannot be had."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from creator.errors import EnvironmentFault, UsageError
from creator.models.backend import Backend
from creator.models.choose import choose_backend
from creator.models.servers import server_address


def choose(spec: str | None = None, base_url: str | None = None, **environ: str) -> Backend:
    return choose_backend(spec, base_url, environ, progress=print)


def test_without_a_key_the_embedded_model_says_that_it_is_rough() -> None:
    backend = choose()
    assert backend.name.startswith("embedded:")
    assert backend.strategy == "slots"
    assert "rough" in backend.notice


@pytest.mark.parametrize(("variable", "provider"), [("OPENAI_API_KEY", "openai"), ("ANTHROPIC_API_KEY", "anthropic")])
def test_a_key_picks_its_provider_and_says_so(variable: str, provider: str) -> None:
    backend = choose(**{variable: "sk-x"})
    assert backend.name.startswith(f"{provider}:")
    assert variable in backend.notice
    assert "sk-x" not in backend.notice


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("openai:gpt-x", "openai:gpt-x"),
        ("anthropic:claude-x", "anthropic:claude-x"),
        ("ollama:llama3:8b", "ollama:llama3:8b"),
    ],
)
def test_a_spec_names_provider_and_model(spec: str, name: str) -> None:
    assert choose(spec, OPENAI_API_KEY="k", ANTHROPIC_API_KEY="k").name == name


def test_a_base_url_needs_no_key() -> None:
    assert choose("local-model", "http://127.0.0.1:1/v1").name == "openai:local-model"


@pytest.mark.parametrize(
    ("spec", "base_url", "text"),
    [
        (None, "http://127.0.0.1:1/v1", "--model"),
        ("nonsense", None, "unknown model 'nonsense'"),
        ("gemini:x", None, "unknown provider 'gemini'"),
        ("openai:", None, "unknown model"),
        ("embedded", "http://127.0.0.1:1/v1", "--base-url"),
        ("missing.gguf", None, "no model file"),
        ("missing.yaml", None, "cannot read"),
    ],
)
def test_a_wrong_spec_is_one_line_that_says_what_to_use(spec: str | None, base_url: str | None, text: str) -> None:
    with pytest.raises(UsageError, match=text) as caught:
        choose(spec, base_url)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("spec", "variable"), [("openai:x", "OPENAI_API_KEY"), ("anthropic:x", "ANTHROPIC_API_KEY")])
def test_a_missing_key_is_named(spec: str, variable: str) -> None:
    with pytest.raises(EnvironmentFault, match=variable):
        choose(spec)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("provider: os.system\nconfig: {}", "not allowed"),
        ("provider: creator_test_evil.Client\nconfig: {}", "not allowed"),
        ("provider: [1]\nconfig: {}", "not allowed"),
        ("- a list", "needs 'provider'"),
        ("provider: x\nconfig: 3", "needs 'provider'"),
        ("a: [", "no valid YAML"),
        ("!!python/object/apply:os.system ['true']", "no valid YAML"),
    ],
)
def test_a_component_file_is_checked_before_anything_is_imported(tmp_path: Path, content: str, text: str) -> None:
    (tmp_path / "creator_test_evil.py").write_text("raise SystemExit('imported')")
    sys.path.insert(0, str(tmp_path))
    try:
        path = tmp_path / "model.yaml"
        path.write_text(content)
        with pytest.raises(UsageError, match=text):
            choose(str(path))
    finally:
        sys.path.remove(str(tmp_path))
    assert "creator_test_evil" not in sys.modules


async def test_a_component_file_makes_its_client(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(
        "provider: autogen_ext.models.openai.OpenAIChatCompletionClient\n"
        "config: {model: local, api_key: sk-secret, base_url: 'http://127.0.0.1:9/v1'}\n"
    )
    backend: Any = choose(str(path))
    assert backend.name == "model.yaml:local"
    async with backend:
        with pytest.raises(EnvironmentFault) as caught:
            await backend.check()
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://user:secret@Box:8000/v1/", "http://box:8000/v1"),
        ("https://box/v1?key=secret#part", "https://box/v1"),
        ("http://u:p@ss@[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("box:11434", "//box:11434"),
        ("http://[::1", ""),
        ("", ""),
    ],
)
def test_an_address_tells_servers_apart_and_no_secret(url: str, address: str) -> None:
    assert server_address(url) == address


@pytest.mark.parametrize("spec", ["openai:x", "anthropic:x", "ollama:x"])
def test_a_model_of_the_same_name_on_another_server_is_another(spec: str) -> None:
    one, other = choose(spec, "http://me:pw@one/v1"), choose(spec, "http://two/v1")
    assert (one.name, one.address) == (other.name, "http://one/v1")
    assert other.address == "http://two/v1"


@pytest.mark.parametrize(
    ("spec", "variable"),
    [("openai:x", "OPENAI_BASE_URL"), ("anthropic:x", "ANTHROPIC_BASE_URL"), ("ollama:x", "OLLAMA_HOST")],
)
def test_a_server_that_the_environment_names_counts_too(spec: str, variable: str) -> None:
    keys = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
    assert choose(spec, **keys, **{variable: "http://box/v1"}).address == "http://box/v1"
    assert choose(spec, **keys).address != "http://box/v1"


def test_a_component_file_that_says_something_else_is_another_model_but_for_its_key(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"

    def address(more: str) -> str:
        path.write_text(f"provider: OpenAIChatCompletionClient\nconfig: {{model: local, {more}}}\n")
        return choose(str(path)).address

    assert address("api_key: one") == address("api_key: two")
    assert len({address(more) for more in ("top_p: 0.1", "top_p: 0.2", "base_url: 'http://box/v1'")}) == 3


def test_two_model_files_of_the_same_name_are_two_models(tmp_path: Path) -> None:
    backends = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.gguf").write_bytes(b"")
        backends.append(choose(str(tmp_path / folder / "mine.gguf")))
    first, second = backends
    assert first.name == second.name and first.address != second.address
