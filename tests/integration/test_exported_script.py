"""An exported script, run as its user runs it: in an empty folder, with AutoGen and a model server alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from creator.exporting import script_of
from creator.ideas.form import BUSINESS
from creator.templates.rendering import load_template
from creator.text import label
from tests.scripted_server import ScriptedServer, fill_value
from tests.unit.exported import COURSE, OWN_WAY
from tests.unit.test_rendering import blueprint, constants

TEMPLATE = load_template("idea_agent")
TEMPERATURE = blueprint(TEMPLATE).slots["temperature"]
TEMPLATE_MODULE = TEMPLATE.render(blueprint(TEMPLATE))


def run_script(source: str, folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Exports a module and runs the script; warnings are errors."""
    text = script_of(source, name="ada", objective="Ideas for lighthouses", model="openai:a-model")
    path = folder / "ada.py"
    path.write_text(text, encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OPENAI_"))}
    return subprocess.run(
        [sys.executable, "-W", "error", str(path), *arguments],
        cwd=folder,
        env={**clean, "PYTHONIOENCODING": "utf-8", **environ},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def on(server: ScriptedServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-test"}


def test_an_agent_of_the_template_gives_an_idea(serve: Any, tmp_path: Path) -> None:
    server = serve()
    done = run_script(TEMPLATE_MODULE, tmp_path, "Ideas", "for bakeries", **on(server))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{label(name)}: {fill_value(name, {'type': 'string'}, 1)}" for name in ["title", *BUSINESS.fields]
    ]
    [asked] = server.requests
    assert (asked["model"], asked["temperature"]) == ("a-model", TEMPERATURE)
    system, task = asked["messages"]
    assert system["content"] == constants(TEMPLATE_MODULE)["SYSTEM_MESSAGE"]
    assert task["content"].startswith("Ideas for bakeries\n\nPropose one idea")
    assert [path.name for path in tmp_path.iterdir()] == ["ada.py"]


@pytest.mark.parametrize("name", ["critic_agent", "founder_agent", "researcher_agent"])
def test_agents_that_work_with_others_give_their_draft_where_nobody_is(name: str, serve: Any, tmp_path: Path) -> None:
    server = serve()
    template = load_template(name)
    module = template.render(blueprint(template, shares_ideas=1.0, pattern="pro_contra"))
    done = run_script(module, tmp_path, "Ideas", "for bakeries", **on(server))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Title: A scripted title of call 1.\n")
    assert server.calls == 1


def test_without_an_argument_it_works_on_what_it_worked_on_before(serve: Any, tmp_path: Path) -> None:
    server = serve()
    done = run_script(TEMPLATE_MODULE, tmp_path, MODEL="another-model", **on(server))
    assert done.returncode == 0, done.stderr
    assert server.requests[0]["model"] == "another-model"
    assert server.requests[0]["messages"][1]["content"].startswith("Ideas for lighthouses\n")


def test_an_agent_that_answers_in_free_text(serve: Any, tmp_path: Path) -> None:
    server = serve()
    done = run_script(COURSE, tmp_path, "Ideas for bakeries", **on(server))
    assert (done.returncode, done.stdout, done.stderr) == (0, "Alone: Yes.\n", "")
    assert "creative entrepreneur" in server.requests[0]["messages"][0]["content"]


def test_an_agent_that_a_model_wrote_in_its_own_way(serve: Any, tmp_path: Path) -> None:
    server = serve()
    done = run_script(OWN_WAY, tmp_path, "Ideas for bakeries", **on(server))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Title: A scripted title of call 2.\n")
    assert server.requests[1]["messages"][1]["content"] == "not a language model but a way of thinking: Yes."


def test_what_a_model_says_cannot_steer_the_terminal(serve: Any, tmp_path: Path) -> None:
    parts = dict.fromkeys(["problem", "customer", "solution", "revenue_model", "first_step"], "\x1b[2J\u202eé 🚀")
    server = serve(fault=lambda number, request: json.dumps({"title": "\x1b]0;owned\x07 T", **parts}))
    done = run_script(TEMPLATE_MODULE, tmp_path, **on(server))
    assert done.returncode == 0, done.stderr
    assert "Problem: [2Jé 🚀\n" in done.stdout
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout)


def test_a_model_with_a_temperature_of_its_own(serve: Any, tmp_path: Path) -> None:
    server = serve(fault=lambda number, request: "400 temperature is fixed" if "temperature" in request else None)
    done = run_script(TEMPLATE_MODULE, tmp_path, **on(server))
    assert done.returncode == 0, done.stderr
    assert "temperature" not in server.requests[-1]


def test_without_a_key_it_says_what_to_set(tmp_path: Path) -> None:
    done = run_script(TEMPLATE_MODULE, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs no key.\n"


@pytest.mark.parametrize(("fault", "reason"), [("401", "AuthenticationError"), ("nonsense", "ValidationError")])
def test_a_model_that_fails_is_named_without_a_traceback(serve: Any, tmp_path: Path, fault: str, reason: str) -> None:
    server = serve(fault=lambda number, request: fault)
    done = run_script(TEMPLATE_MODULE, tmp_path, **on(server))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"ada gave no idea: {reason}: ")
    assert "Traceback" not in done.stderr
