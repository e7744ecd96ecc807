"""The same population works on whatever the user asks for."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from creator.errors import UsageError
from creator.ideas.form import load_idea_form
from creator.outcome import RunOutcome
from creator.outputs import read_settings
from tests.scripted_server import ScriptedServer

Run = Callable[..., Awaitable[RunOutcome]]


async def test_an_objective_from_a_file_with_ideas_of_its_own_form(
    run: Run, serve: Callable[..., ScriptedServer], tmp_path: Path
) -> None:
    objective = tmp_path / "objective.txt"
    objective.write_text("Research questions about tides.\n\nNo satellites.\n", encoding="utf-8")
    schema = tmp_path / "questions.json"
    parts = {name: {"type": "string", "description": f"The {name}."} for name in ("title", "question", "method")}
    schema.write_text(json.dumps({"description": "Short and open.", "properties": parts}), encoding="utf-8")
    server = serve()
    outcome = await run(3, server=server, objective_file=objective, idea_schema=schema, bounce=1.0)
    assert outcome.exit_code == 0, outcome.reason
    assert outcome.objective == "Research questions about tides.\n\nNo satellites."
    assert outcome.idea_fields == ["question", "method"]
    for idea in outcome.ideas:
        assert set(idea.final.parts) == {"question", "method"}
        assert idea.contributors
    asked = [json.dumps(request["messages"]) for request in server.requests]
    assert any("No satellites." in text and "Short and open." in text for text in asked)
    assert not any("real customers" in text for text in asked)
    page = (outcome.directory / "report.html").read_text("utf-8")
    assert "<dt>Question</dt>" in page
    assert "<dt>Revenue model</dt>" not in page
    [file, *_] = sorted((outcome.directory / "ideas").iterdir())
    assert "## Method" in file.read_text("utf-8")


async def test_a_mistake_in_a_schema_leaves_no_run_behind(run: Run, tmp_path: Path) -> None:
    schema = tmp_path / "wrong.json"
    schema.write_text("[]", encoding="utf-8")
    with pytest.raises(UsageError, match="idea schema"):
        await run(2, idea_schema=schema)
    assert not list((tmp_path / "generated").glob("*"))


async def test_a_run_keeps_the_schema_that_it_was_made_with(run: Run, tmp_path: Path) -> None:
    schema = tmp_path / "names.json"
    parts = {name: {"type": "string"} for name in ("title", "tagline")}
    schema.write_text(json.dumps({"properties": parts}), encoding="utf-8")
    outcome = await run(1, idea_schema=schema)
    schema.unlink()
    settings = read_settings(outcome.directory)
    assert load_idea_form(settings.idea_schema).fields == ["tagline"]
