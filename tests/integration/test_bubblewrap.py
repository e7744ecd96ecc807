"""The bubblewrap sandbox: a whole run, and what a module finds in it."""

from __future__ import annotations

import os
from typing import Any

import pytest

from creator.isolation.base import SandboxUnavailable
from creator.isolation.bubblewrap import probe


@pytest.fixture
async def bubblewrap() -> None:
    """In CI its absence is a failure, elsewhere a reason to skip."""
    try:
        await probe()
    except SandboxUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{error}")


async def test_a_run_in_bubblewrap(run: Any, bubblewrap: None) -> None:
    outcome = await run(4, sandbox="bubblewrap", bounce=1.0)
    assert outcome.exit_code == 0, outcome.reason
    assert outcome.sandbox == "bubblewrap"
    assert all(idea.contributors for idea in outcome.ideas)


async def test_auto_takes_bubblewrap_when_no_engine_answers(
    run: Any, bubblewrap: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    outcome = await run(1, sandbox="auto")
    assert (outcome.exit_code, outcome.sandbox) == (0, "bubblewrap")


async def test_auto_ends_with_a_process_and_says_so(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.conftest import RecordedProgress

    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    monkeypatch.setenv("PATH", "/nonexistent")
    progress = RecordedProgress()
    outcome = await run(1, sandbox="auto", progress=progress)
    assert (outcome.exit_code, outcome.sandbox) == (0, "process")
    assert any("without namespaces" in line and "install Docker or bubblewrap" in line for line in progress.lines)
