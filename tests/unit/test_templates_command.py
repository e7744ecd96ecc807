"""``templates``: what is found, shown and checked, and the README's example."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from creator.cli import main
from creator.errors import EnvironmentFault
from creator.policy import check_module
from creator.settings import SpawnSettings
from creator.templates.rendering import TEMPLATES, load_template
from sandbox.protocol import AGENT_NAME, Introduction
from tests.unit.test_shipped_agents import House, idea, kit
from tests.unit.test_templates import SHIPPED, SOURCE, with_line, write

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(autouse=True)
def page_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


class Trials:
    """Stands for the cells: notes what it is to try, and gives the reasons that it was told to give."""

    def __init__(self) -> None:
        self.settings: SpawnSettings | None = None
        self.modules: dict[str, str] = {}
        self.reason = ""
        self.error: Exception | None = None

    async def __call__(
        self, settings: SpawnSettings, modules: Mapping[str, str], progress: Any, *, own: bool
    ) -> dict[str, str]:
        assert own, "a template's code is the user's own: every sandbox takes it"
        if self.error is not None:
            raise self.error
        progress.say("trying")
        self.settings, self.modules = settings, dict(modules)
        return dict.fromkeys(modules, self.reason)


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> Trials:
    made = Trials()
    monkeypatch.setattr("creator.visits.try_modules", made)
    return made


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_the_list_names_each_with_place_slots_and_purpose(capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(Path("mine"), "poet")
    write(folder, "critic_agent", "{% if %}")
    assert main(["templates", "--templates", "mine"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"poet +3 +mine", out)
    assert re.search(r"critic_agent +12 +shipped +Finds the weakest point", out)
    assert re.search(r"broken +template 'critic_agent': critic_agent\.py\.j2:1: .* \(in 'mine'\)", out)
    assert main(["templates", "list", "--templates", "mine", "--json"]) == 0
    document = told(capsys)
    assert [one["name"] for one in document["templates"]] == sorted([*SHIPPED, "poet"])
    assert document["templates"][-2] == {"name": "poet", "folder": "mine", "slots": 3, "description": ""}
    assert [one["name"] for one in document["broken"]] == ["critic_agent"]


def test_the_folders_can_stand_in_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(Path("mine"))
    monkeypatch.setenv("CREATOR_TEMPLATES", "mine")
    monkeypatch.setenv("CREATOR_BOUNCE", "nonsense")  # is nothing to this command
    assert main(["templates", "--json"]) == 0
    assert "mine" in [one["name"] for one in told(capsys)["templates"]]


def test_show_gives_the_slots_and_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("mine"), mood={"type": "string", "enum": ["dry", "warm"], "description": "How it sounds."})
    assert main(["templates", "show", "mine", "--templates", "mine"]) == 0
    out = capsys.readouterr().out
    assert out.endswith(f"mine/mine.py.j2\n{SOURCE}")
    assert re.search(r"mood +one of dry, .*choice.*How it sounds", out)
    assert "(derived)" in out
    assert main(["templates", "show", "idea_agent", "--json"]) == 0
    document = told(capsys)
    assert document["source"] == (TEMPLATES / "idea_agent.py.j2").read_text("utf-8")
    assert document["hints"]["persona"] == {"kind": "fact", "fact": "persona"}


def test_show_says_what_is_wrong_or_meant(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("mine"), source="{{ } }}")
    assert main(["templates", "show", "mine", "--templates", "mine"]) == 2
    assert capsys.readouterr().err.startswith("creator: template 'mine': mine.py.j2:1: ")
    assert main(["templates", "show", "idea_agnt"]) == 2
    assert "did you mean 'idea_agent'?" in capsys.readouterr().err


def test_all_shipped_templates_pass_the_check(trials: Trials, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "check", "--sandbox", "process"]) == 0
    out = capsys.readouterr().out
    for name in SHIPPED:
        for step in ("read", "render", "compile", "policy", "cell"):
            assert re.search(rf"^{name} +{step} +ok", out, re.M)
    assert out.endswith("Templates that work: 4 of 4.\n")
    assert trials.settings is not None and trials.settings.sandbox == "process"
    assert len(trials.modules) >= 4 * 13
    for name, module in trials.modules.items():
        assert AGENT_NAME.fullmatch(name)
        assert check_module(module, name) == []
    sectors = re.findall(r"^SECTOR: Final = (.*)$", "\n".join(trials.modules.values()), re.M)
    assert any("{{" in one for one in sectors) and any("🚀" in one for one in sectors)
    assert not any("\\ud800" in one for one in sectors), "what is tried is cleaned, as an agent's slots are"


def test_what_is_wrong_is_told_with_file_and_line(trials: Trials, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(Path("mine"), "imports", with_line("import os"))
    write(folder, "quotes", with_line('X = "{{ slots.goal }}"'))
    write(folder, "escapes", with_line('X = "\\d"'))
    write(folder, "splits", with_line("X = {{ slots.goal.split(' ')[1] }}"))
    write(folder, "half", schema="{")
    write(folder, "facts", mood={"type": "string", "x-fill": {"kind": "sentence", "prefix": "In {secter}, it"}})
    write(folder, "good")
    assert main(["templates", "check", "mine"]) == 1
    out = capsys.readouterr().out
    for expected in (
        r"imports +policy +mine/imports\.py\.j2:6: IMPORT001 module 'os'.*\(example 'ordinary' and \d+ more\)",
        r"quotes +render +mine/quotes\.py\.j2:6: a value inside a string",
        r"quotes +policy +not tried",
        r"escapes +compile +mine/escapes\.py\.j2:6: invalid escape sequence",
        r"splits +render +mine/splits\.py\.j2:6: list object has no element 1 \(example 'blank' and",
        r"half +read +mine/half\.schema\.json:1: this is no JSON",
        r"half +render +not tried",
        r"facts +read +mine/facts\.schema\.json:\d+: slot 'mood': its 'x-fill' names the fact 'secter'",
        r"good +cell +ok, 13 examples",
        r"imports +cell +not tried",
    ):
        assert re.search(f"^{expected}", out, re.M), expected
    assert out.endswith("Templates that work: 1 of 7.\n")
    assert len(trials.modules) == 13, "what is known to be wrong is not started"


def test_what_fails_in_a_cell_is_told_once_with_its_examples(
    trials: Trials, capsys: pytest.CaptureFixture[str]
) -> None:
    trials.reason = "it did not answer\n\x1b[2Ka question"
    write(Path("mine"), "poet")
    assert main(["templates", "check", "mine/poet.py.j2/..", "--json"]) == 2
    assert main(["templates", "check", "poet", "--templates", "mine", "--json"]) == 1
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert captured.out.isascii() and not document["works"]
    (one,) = document["templates"]
    *others, cell = one["steps"]
    assert {step["state"] for step in others} == {"ok"}
    assert (cell["step"], cell["state"], cell["examples"]) == ("cell", "wrong", 13)
    (problem,) = cell["problems"]
    assert (problem["place"], problem["text"]) == ("mine/poet.py.j2", "it did not answer a question")
    assert len(problem["examples"]) == 13


def test_static_starts_nothing(trials: Trials, capsys: pytest.CaptureFixture[str]) -> None:
    trials.error = AssertionError("a sandbox was opened")
    assert main(["templates", "check", "idea_agent", "--static"]) == 0
    assert "cell" not in capsys.readouterr().out


def test_without_a_sandbox_the_rest_is_told_and_the_reason(trials: Trials, capsys: pytest.CaptureFixture[str]) -> None:
    trials.error = EnvironmentFault("no Docker engine answers")
    assert main(["templates", "check", "idea_agent"]) == 2
    captured = capsys.readouterr()
    assert re.search(r"idea_agent +policy +ok", captured.out)
    assert captured.err == "creator: no Docker engine answers\n"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("idea_agnt", "did you mean 'idea_agent'"),
        ("empty", "holds no NAME.py.j2"),
        ("file", "there is no template 'file'"),
    ],
)
def test_a_check_of_nothing_is_one_line(wanted: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    Path("file").touch()
    assert main(["templates", "check", wanted]) == 2
    captured = capsys.readouterr()
    assert said in captured.err and captured.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["list"], ["show", "mine"], ["check", "--static", "mine"]])
def test_a_template_cannot_write_into_the_terminal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\u202e [bold]x[/bold]"
    schema = json.dumps(
        {
            "description": evil,
            "properties": {
                "persona": {"type": "string", "maxLength": 60, "description": evil},
                "sector": {"type": "string", "maxLength": 60},
                "goal": {"type": "string", "x-fill": {"kind": "sentence", "prefix": "In {secter}" + evil}},
            },
        }
    )
    write(Path("mine"), source=with_line(f"# {evil}"), schema=schema)
    write(Path("mine"), "other", schema=json.dumps({"properties": {evil: {"type": "string"}}}))
    main(["templates", *arguments, "--templates", "mine"])
    captured = capsys.readouterr()
    assert not CONTROL.search(captured.out + captured.err)
    assert "mine" in captured.out


# The README

README = (TEMPLATES / "README.md").read_text("utf-8")


@pytest.fixture
def example() -> Path:
    """The README's example, as a reader would write it down."""
    folder = Path("mine")
    folder.mkdir()
    for language, suffix in (("jinja", ".py.j2"), ("json", ".schema.json")):
        (block,) = re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)
        (folder / f"haggler{suffix}").write_text(block, encoding="utf-8")
    return folder


def test_the_readmes_example_passes_the_check(
    example: Path, trials: Trials, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = re.findall(r"^python -m creator (templates check .*)$", README, re.M)
    assert commands == ["templates check mine"]
    assert main(commands[0].split()) == 0, capsys.readouterr().out


async def test_the_readmes_example_lives(example: Path, tmp_path: Path) -> None:
    house = House("haggler", tmp_path, folder_of_template=example)
    assert await house.ask(kit.Hello()) == Introduction(
        name="ada", sector=house.module.SECTOR, skills=house.module.BARGAINS
    )
    for stubborn in (True, False):
        house = House("haggler", tmp_path, {"stubborn": stubborn}, folder_of_template=example)
        proposal = await house.ask(kit.ProposeRequest(objective="games"))
        assert proposal.idea == idea("idea 1")
        assert ("third offer" in house.gateway.prompts[0]) == stubborn
        house = House("haggler", tmp_path, folder_of_template=example)
        refinement = await house.ask(kit.RefineRequest(objective="games", idea=idea("theirs")))
        assert isinstance(refinement, kit.Refinement)


def test_the_readme_names_what_there_is() -> None:
    for name in SHIPPED:
        assert f"`{name}`" in README
        assert load_template(name).description
    messages = {
        "Colleague",
        "Hello",
        "Introduction",
        "Proposal",
        "ProposeRequest",
        "RefineRequest",
        "Refinement",
        "Text",
    }
    messages |= {"Opinion", "OpinionRequest"}
    for name in set(kit.__all__) - messages - {"Idea", "MessagingError", "find_recipient"}:
        assert f"{name}(" in README, name
