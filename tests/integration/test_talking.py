"""Talking to agents of a run that has ended, in a sandbox, over several turns."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import pytest

from creator.cli import main


@pytest.fixture
def finished(run: Any, serve: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any, list[str]]:
    """A run, its server, and the options that find it."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    server = serve()
    outcome = asyncio.run(run(2, server=server, bounce=0.0, keep=2))
    return outcome, server, ["--output", str(outcome.directory.parent)]


def test_an_agent_answers_as_itself(finished: Any, capsys: pytest.CaptureFixture[str]) -> None:
    outcome, server, output = finished
    name = outcome.live[0].name
    before = len(server.requests)
    assert main(["agents", "ask", name, "What would you do first?", *output]) == 0
    assert capsys.readouterr().out.strip()
    asked = server.requests[before + 1 :]  # the first is the check of the model
    assert len(asked) == 1
    blueprint = json.loads((outcome.directory / "agents" / f"{name}.json").read_text("utf-8"))
    messages = asked[0]["messages"]
    assert blueprint["slots"]["persona"] in str(messages[0]["content"])
    assert "What would you do first?" in str(messages[-1]["content"])


def test_a_chat_remembers_what_was_said(
    finished: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, server, output = finished
    name = outcome.live[0].name
    monkeypatch.setattr("sys.stdin", io.StringIO("my favourite number is 41\nwhat is it?\nexit\nnot read\n"))
    assert main(["agents", "chat", name, *output]) == 0
    said = capsys.readouterr().out
    assert said.count(f"{name}: ") == 2
    last = str(server.requests[-1]["messages"][-1]["content"])
    assert "41" in last and "what is it?" in last
    assert not any("not read" in str(request["messages"]) for request in server.requests)


@pytest.mark.parametrize("question", ["", "  ", "x" * 4_001])
def test_a_question_has_bounds(finished: Any, capsys: pytest.CaptureFixture[str], question: str) -> None:
    outcome, _, output = finished
    assert main(["agents", "ask", outcome.live[0].name, question, *output]) == 2
    assert "1 to 4,000 characters" in capsys.readouterr().err


def test_only_the_module_that_lived_is_revived(finished: Any, capsys: pytest.CaptureFixture[str]) -> None:
    outcome, _, output = finished
    name = outcome.live[0].name
    path = outcome.directory / "agents" / f"{name}.py"
    path.write_text(path.read_text("utf-8") + "# changed\n", "utf-8")
    assert main(["agents", "ask", name, "Hello?", *output]) == 2
    assert "changed since" in capsys.readouterr().err
    assert main(["agents", "ask", "../../etc/passwd", "Hello?", *output]) == 2
    assert "No agent" in capsys.readouterr().err


def test_a_model_that_fails_is_one_line(finished: Any, serve: Any, capsys: pytest.CaptureFixture[str]) -> None:
    outcome, _, output = finished
    server = serve(fault=lambda number, request: "400" if number > 1 else None)
    name = outcome.live[0].name
    assert main(["agents", "ask", name, "Hello?", "--base-url", server.url, *output]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith(f"creator: {name} gave no answer: ")


def test_one_who_waits_is_not_revived(
    run: Any, serve: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    outcome = asyncio.run(run(1, server=serve(), review="later"))
    name = outcome.agents[0].name
    assert main(["agents", "ask", name, "Hello?", "--output", str(outcome.directory.parent)]) == 2
    assert f"agents approve {name}" in capsys.readouterr().err
