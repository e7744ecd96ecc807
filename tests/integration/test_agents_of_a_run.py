"""Looking at the agents of a run that really was, exporting and keeping them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from creator.cli import main
from creator.library import kept_for
from creator.review.base import Verdict
from creator.settings import SpawnSettings
from tests.integration.test_review import Scripted


@pytest.fixture
def told(run: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """What an ``agents`` command says about the run in ``generated/``."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("CREATOR_LIBRARY", "library")

    def tell(*arguments: str, code: int = 0) -> str:
        assert main(["agents", *arguments]) == code
        out, err = capsys.readouterr()
        return out if code == 0 else err

    return tell


def test_the_birth_of_an_agent_is_told_as_it_was(run: Any, told: Any) -> None:
    reviewer = Scripted(lambda one: Verdict("rejected", "too shy") if one.attempt == 1 else Verdict("approved", "bold"))
    outcome = asyncio.run(run(1, review="now", reviewer=reviewer, bounce=0.0))
    assert outcome.exit_code == 0, outcome.reason
    (agent,) = outcome.agents
    found = json.loads(told("why", agent.name, "--json"))
    source = (outcome.directory / "agents" / f"{agent.name}.py").read_bytes()
    assert found["sha256"] == hashlib.sha256(source).hexdigest()
    assert (found["file"], found["state"], found["template"]) == ("unchanged", "live", "idea_agent")
    assert [(one["attempt"], one["stage"]) for one in found["tries"]] == [(1, "review")]
    assert "too shy" in found["tries"][0]["finding"]
    # What was rejected may have had another name.
    assert found["decisions"][-1]["decision"] == "approved"
    assert [moment["what"] for moment in found["history"]] == ["live"]
    assert found["ideas"] == {"1": outcome.ideas[0].final.title}
    (listed,) = json.loads(told("--json"))["agents"]
    assert (listed["ideas"], listed["author"]) == ([1], "fill")
    assert listed["prompt_tokens"] > 0
    assert "+++ " + agent.name in told("diff", agent.name)
    for command in ([], ["why", agent.name]):
        assert all(len(line) <= 80 for line in told(*command).splitlines())


def test_a_good_agent_leaves_its_run_and_comes_to_another(run: Any, told: Any) -> None:
    outcome = asyncio.run(run(2, bounce=1.0))
    first, second = (agent.name for agent in outcome.live)
    told("keep", first, "--as", "muse")
    told("keep", second)
    settings = SpawnSettings.load({"count": 2, "with_agents": ("muse", second)})
    muse, other = kept_for(settings)
    assert (muse.blueprint.name, other.blueprint.name) == ("muse", second)
    assert muse.source == (outcome.directory / "agents" / f"{first}.py").read_text("utf-8")
    assert muse.notes[0].startswith(f"from the library: {first}, of run {outcome.run_id}")
    (origin,) = [one["origin"] for one in json.loads(told("library", "--json"))["agents"] if one["name"] == "muse"]
    assert origin["idea"] in {idea.final.title for idea in outcome.ideas if idea.author == first}
    component = json.loads(told("export", first, "--as", "component"))
    assert component["config"]["model_client"]["config"]["model"] == "scripted"
    told("export", first, "--as", "module", "--to", "script.py")
    compile(Path("script.py").read_bytes(), "script.py", "exec")


def test_one_who_waits_is_listed_and_neither_kept_nor_live(run: Any, told: Any) -> None:
    outcome = asyncio.run(run(1, review="later"))
    name = outcome.agents[0].name
    assert f"agents approve {name}" in told()
    found = json.loads(told("why", name, "--json"))
    assert (found["state"], found["born"]) == ("pending", None)
    assert [moment["what"] for moment in found["history"]] == ["pending"]
    assert f"agents approve {name}" in told("keep", name, code=2)
