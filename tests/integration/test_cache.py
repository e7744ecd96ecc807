"""Runs that are played again: with a cache the model is asked for nothing twice, without one it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creator.agents import registry
from creator.models.cache import FILE_NAME
from creator.outcome import RunOutcome
from tests.conftest import RecordedProgress
from tests.scripted_server import ScriptedServer

Serve = Callable[..., ScriptedServer]
CHECK = 1
"""The one call that finds out whether the model answers; it is never taken from the cache."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own; agents choose their colleagues once all are born, however slow the machine is."""
    monkeypatch.setenv("CREATOR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(registry, "SETTLE_SECONDS", 60)
    return tmp_path / "cache" / FILE_NAME


def mode(path: Path) -> int | None:
    """A file's permissions; None when there is none."""
    return path.stat().st_mode & 0o777 if path.exists() else None


def told(outcome: RunOutcome) -> set[str]:
    """The ideas with all their texts, whatever the order in which they came."""
    assert outcome.exit_code == 0, outcome.reason
    return {"\n".join(version.idea.model_dump_json() for version in idea.versions) for idea in outcome.ideas}


@pytest.mark.parametrize("template", ["idea_agent", "critic_agent"])
async def test_the_same_run_again_asks_the_model_nothing(run: Any, serve: Serve, cache: Path, template: str) -> None:
    server = serve()
    options = {"server": server, "cache": True, "template": template, "bounce": 1.0}
    first = await run(5, **options)
    asked = server.calls
    second = await run(5, **options)
    assert asked > 10 and server.calls == asked + CHECK
    assert len(told(first)) == 5 and told(second) == told(first)
    assert any(idea.contributors or idea.remarks for idea in first.ideas), "agents worked with each other"
    assert first.prompt_tokens > 0 and (second.prompt_tokens, second.completion_tokens) == (0, 0)
    assert mode(cache) == 0o600


async def test_agents_that_go_their_own_ways_go_them_again(run: Any, serve: Serve) -> None:
    server = serve()
    first = await run(5, server=server, cache=True)
    asked = server.calls
    assert told(await run(5, server=server, cache=True)) == told(first)
    assert server.calls == asked + CHECK


async def test_without_a_cache_everything_is_asked_again(run: Any, serve: Serve, cache: Path) -> None:
    server = serve()
    first = await run(3, server=server)
    asked = server.calls
    second = await run(3, server=server)
    assert server.calls >= asked + 6 and mode(cache) is None
    assert not told(first) & told(second)


async def test_another_seed_asks_anew(run: Any, serve: Serve) -> None:
    server = serve()
    first = await run(3, server=server, cache=True)
    asked = server.calls
    assert not told(await run(3, server=server, cache=True, seed=2)) & told(first)
    assert server.calls >= asked + 6


async def test_another_server_is_asked_itself(run: Any, serve: Serve) -> None:
    first, second = serve(), serve()
    await run(2, server=first, cache=True)
    await run(2, server=second, cache=True)
    assert second.calls >= 4


def damage(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all " * 500)


async def test_a_damaged_cache_costs_a_line_and_no_idea(run: Any, serve: Serve, cache: Path) -> None:
    damage(cache)
    server, progress = serve(), RecordedProgress()
    outcome = await run(2, server=server, cache=True, progress=progress)
    assert len(told(outcome)) == 2
    (line,) = [line for line in progress.lines if FILE_NAME in line]
    assert line.startswith("answers of earlier runs are not used: ") and "delete it" in line
    assert mode(cache) is not None, "whether it may be deleted is for its owner to say"
