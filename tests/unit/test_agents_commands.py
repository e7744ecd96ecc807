"""Looking at agents of a run on disk: list, show, why, diff, export."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from creator.cli import main
from creator.models.accounts import Account
from creator.outcome import IdeaOutcome, IdeaVersion, RunOutcome
from creator.outputs import publish_latest, write_settings
from creator.settings import SpawnSettings
from creator.wishes import Wish
from tests.unit.outcomes import HOSTILE, idea
from tests.unit.recorded import REASON, Recorded, recorded
from tests.unit.test_cli import CONTROL


@pytest.fixture(autouse=True)
def page_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command says on stdout, or on stderr when it fails."""
    assert main(["agents", *arguments]) == code
    out, err = capsys.readouterr()
    if code == 0:
        return out
    assert out == ""
    assert err.count("\n") == 1
    return err


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(told(capsys, *arguments, "--json"))


def module(outcome: RunOutcome, name: str) -> Path:
    return outcome.directory / "agents" / f"{name}.py"


def line_of(out: str, name: str) -> str:
    return next(line for line in out.splitlines() if line.strip().startswith(name))


def test_the_list_tells_everything_of_an_agent_within_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    def more(run: Recorded) -> None:
        run.record.agents[1] = run.record.agents[1].model_copy(
            update={"prompt_tokens": 1_234_567, "completion_tokens": 890_123}
        )
        run.record.accounts["ada_freight"] = Account(prompt_tokens=1_234_567, completion_tokens=890_123)

    recorded(more)
    out = told(capsys)
    assert all(len(line) <= 80 for line in out.splitlines())
    heads = line_of(out, "Agent").split()
    assert heads == ["Agent", "Sector", "Author", "Parents", "State", "Tokens", "Ideas"]
    ada = line_of(out, "ada_freight")
    assert ada.split()[-5:] == ["code", "bo_clinics", "live", "2.1M", "1"]
    assert line_of(out, "bo_clinics").split()[-3:] == ["fill", "pending", "0"]
    assert f"failed  cy_farms: {REASON}" in out


def test_who_waits_is_named_with_the_command_that_approves(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = recorded()
    out = told(capsys)
    assert "bo_clinics waits for your decision" in out
    assert "python -m creator agents approve bo_clinics\n" in out
    recorded(lambda run: [run.agent(number, f"di_{number}", "pending") for number in range(4, 8)])
    out = told(capsys)
    assert "bo_clinics, di_4, di_5 and 2 more wait for your decision" in out
    # A run that is not the latest is named in what is suggested.
    out = told(capsys, outcome.run_id)
    assert f"agents approve bo_clinics --run {outcome.run_id}\n" in out
    assert f"agents show ada_freight --run {outcome.run_id}\n" in out


def test_pending_is_yellow_where_there_are_colours() -> None:
    from rich.console import Console

    from creator.cli._tables import agents_table

    outcome = recorded()
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    console.print(agents_table(outcome.agents, outcome.ideas))
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[33mpending" in console.file.getvalue()


def test_the_list_as_json_has_everything(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = recorded()
    found = document(capsys)
    assert found["run_id"] == outcome.run_id
    ada, bo, cy = found["agents"]
    assert ada == {**outcome.agents[0].model_dump(mode="json"), "ideas": [1], "refined": []}
    assert ada["sha256"] == hashlib.sha256(module(outcome, "ada_freight").read_bytes()).hexdigest()
    assert (ada["author"], ada["parents"], bo["state"], cy["reason"]) == ("code", ["bo_clinics"], "pending", REASON)


def test_the_head_of_a_source_names_author_template_and_parents(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded()
    monkeypatch.setattr("creator.cli.agents.stdout_console", terminal)
    out = told(capsys, "show", "ada_freight")
    assert "author code, template idea_agent; stems from bo_clinics" in out
    assert "class Agent" in out


def terminal() -> Any:
    from rich.console import Console

    return Console(file=sys.stdout, force_terminal=True, color_system=None, width=80, markup=False, highlight=False)


# ---- why


def test_why_tells_brief_origin_tries_decisions_and_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = recorded()
    out = told(capsys, "why", "ada_freight")
    assert all(len(line) <= 80 for line in out.splitlines())
    text = " ".join(out.split())
    blueprint = json.loads(module(outcome, "ada_freight").with_suffix(".json").read_text("utf-8"))
    for part in ("sector", "role", "temperament", "topic"):
        assert f"{part.capitalize()} {blueprint['brief'][part]}" in text
    assert "Written by code, template idea_agent" in text
    assert f"Model {blueprint['model']}" in text
    assert "Parents bo_clinics" in text
    assert "try 1 policy: IMPORT001 at line 3: os is not allowed" in text
    assert "try 2 author: repaired: a missing import" in text
    assert "approved: does what it says" in text
    assert f"SHA-256 {outcome.agents[0].sha256}" in text
    assert "is the module on record" in text
    assert "Ideas 1 Dispatch desk" in text
    assert re.search(r"Born \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", text)


def test_why_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = recorded()
    found = document(capsys, "why", "ada_freight")
    assert found["tries"] == [
        {"attempt": 1, "stage": "policy", "finding": "IMPORT001 at line 3: os is not allowed"},
        {"attempt": 2, "stage": "author", "finding": "repaired: a missing import"},
    ]
    assert found["decisions"] == [{"decision": "approved", "why": "does what it says"}]
    assert [moment["what"] for moment in found["history"]] == ["live"]
    assert found["born"] == found["history"][0]["at"]
    assert (found["state"], found["author"], found["file"]) == ("live", "code", "unchanged")
    assert found["path"] == str(module(outcome, "ada_freight"))
    assert found["ideas"] == {"1": "Dispatch desk"}
    assert found["brief"]["topic"]


def test_why_tells_of_a_life_that_went_on_after_the_birth(capsys: pytest.CaptureFixture[str]) -> None:
    def more(run: Recorded) -> None:
        run.agent(4, "di_ports", "pending")
        run.agent(4, "di_ports", "live")
        run.record.event("regenerated", "di_ports", reason="more daring")
        run.record.agent_failed(4, "it gave no idea")

    recorded(more)
    found = document(capsys, "why", "di_ports")
    assert [moment["what"] for moment in found["history"]] == ["pending", "live", "regenerated", "failed"]
    assert found["born"] == found["history"][1]["at"]
    assert found["reason"] == "it gave no idea"


def test_why_does_not_tell_of_another_birth_that_gave_the_name_up(capsys: pytest.CaptureFixture[str]) -> None:
    def more(run: Recorded) -> None:
        run.agent(4, "di_ports", "pending")
        run.agent(4, "ed_ports", "live")  # the same birth, under another name
        run.agent(5, "di_ports", "live")
        run.attempt(4, 1, "review", "a person rejected it")

    recorded(more)
    di, ed = document(capsys, "why", "di_ports"), document(capsys, "why", "ed_ports")
    assert ([moment["what"] for moment in di["history"]], di["tries"]) == (["live"], [])
    assert ed["tries"] == [{"attempt": 1, "stage": "review", "finding": "a person rejected it"}]


def test_why_tells_of_one_who_never_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    def more(run: Recorded) -> None:
        brief = run.made("x")[0].brief
        run.attempt(4, 1, "model", "the model answered nothing")
        run.record.agent(Wish(4, brief, ""), "agent_4", "failed", attempts=1, reason="the model answered nothing")

    recorded(more)
    out = told(capsys, "why", "agent_4")
    assert "agent_4, failed" in out
    assert "try 1 model: the model answered nothing" in out
    assert re.search(r"Born +never", out)
    assert "is not there" in out
    found = document(capsys, "why", "agent_4")
    assert (found["brief"], found["file"], found["born"]) == (None, "missing", None)


@pytest.mark.parametrize("kind", ["text", "link", "pipe"])
def test_why_tells_that_a_module_was_changed(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    path = module(recorded(), "ada_freight")
    if kind == "text":
        path.write_text(path.read_text("utf-8") + "# more\n", "utf-8")
    elif kind == "link":
        path.rename("elsewhere.py")
        path.symlink_to(Path("elsewhere.py").absolute())
    else:
        path.unlink()
        path.mkdir()
    assert "was changed after it was checked" in told(capsys, "why", "ada_freight")
    assert document(capsys, "why", "ada_freight")["file"] == "changed"


def test_why_without_a_ledger_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = recorded()
    for file in outcome.directory.glob("ledger.sqlite*"):
        file.unlink()
    assert "does not exist" in told(capsys, "why", "ada_freight", code=2)
    (outcome.directory / "ledger.sqlite").write_bytes(b"no database" * 1000)
    assert "damaged" in told(capsys, "why", "ada_freight", code=2)


def test_why_shows_hostile_texts_as_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    def more(run: Recorded) -> None:
        run.attempt(4, 1, HOSTILE, HOSTILE)
        run.record.ledger.record_decision("di_ports", "", "rejected", HOSTILE)
        run.agent(4, "di_ports", parents=["a" * 64] * 8, model="[bold]" + "m" * 190)
        run.record.agent_failed(4, HOSTILE)

    recorded(more)
    out = told(capsys, "why", "di_ports")
    assert not CONTROL.search(out)
    assert all(len(line) <= 80 for line in out.splitlines())
    assert "[bold]mmm" in out


# ---- diff


def test_a_difference_between_two_agents(capsys: pytest.CaptureFixture[str]) -> None:
    def more(run: Recorded) -> None:
        path = run.agent(4, "di_ports")
        path.write_text(path.read_text("utf-8").replace("Marta Pitch", "Di Ports"), "utf-8")

    recorded(more)
    out = told(capsys, "diff", "ada_freight", "di_ports")
    assert out.startswith("--- ada_freight\n+++ di_ports\n@@ ")
    assert re.search(r"^-.*Marta Pitch", out, re.MULTILINE)
    assert re.search(r"^\+.*Di Ports", out, re.MULTILINE)
    found = document(capsys, "diff", "ada_freight", "di_ports")
    assert (found["old"], found["new"], found["difference"]) == ("ada_freight", "di_ports", out)


def test_two_that_are_the_same_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    recorded()
    assert main(["agents", "diff", "ada_freight", "bo_clinics"]) == 0
    assert capsys.readouterr() == ("", "ada_freight and bo_clinics: no difference\n")


def test_one_that_was_regenerated_is_compared_with_its_predecessor(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = recorded()
    earlier = outcome.directory / "earlier"
    earlier.mkdir()
    text = module(outcome, "ada_freight").read_text("utf-8")
    for number in range(1, 12):
        (earlier / f"ada_freight.{number}.py").write_text(f"# version {number}\n{text}", "utf-8")
    # The last one was put back, since its successor did not come to life.
    (earlier / "ada_freight.12.py").write_text(text, "utf-8")
    (earlier / "ada_freight.x.py").write_text("not ours", "utf-8")
    (earlier / "other.13.py").write_text("another's", "utf-8")
    out = told(capsys, "diff", "ada_freight")
    assert out.startswith("--- ada_freight, replaced (earlier/ada_freight.11.py)\n+++ ada_freight\n")
    assert "-# version 11\n" in out


def test_any_other_is_compared_with_what_its_template_gives_without_a_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    recorded()
    out = told(capsys, "diff", "ada_freight")
    assert out.startswith("--- template idea_agent, for the same brief without a model\n+++ ada_freight\n")
    assert re.search(r"^\+.*dough planning", out, re.MULTILINE)


def test_a_template_of_the_users_own_is_found_where_the_run_had_it(capsys: pytest.CaptureFixture[str]) -> None:
    from creator.templates.rendering import TEMPLATES

    Path("mine").mkdir()
    for suffix in (".py.j2", ".schema.json"):
        text = (TEMPLATES / f"idea_agent{suffix}").read_text("utf-8")
        Path(f"mine/poet{suffix}").write_text(text, "utf-8")
    run = Recorded()
    run.agent(1, "di_ports", template="poet")
    write_settings(run.record.directory, SpawnSettings.load({"count": 1, "templates": ("mine",), "template": "poet"}))
    run.end()
    assert "--- template poet, for the same brief without a model" in told(capsys, "diff", "di_ports")
    shutil.rmtree("mine")
    assert "Name another agent" in told(capsys, "diff", "di_ports", code=2)


def test_without_anything_to_compare_with_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = recorded(lambda run: run.record.agents.clear())
    run = Recorded()
    made, source = run.made("di_ports")
    adopted = made.model_copy(update={"template": "of_somebody_else", "author": "adopted"})
    sha256 = run.modules.save(adopted, source)
    wish = Wish(1, made.brief, adopted.template)
    run.record.agent(wish, "di_ports", "live", attempts=1, sha256=sha256, blueprint=adopted)
    outcome = run.end()
    assert "Name another agent to compare 'di_ports' with" in told(capsys, "diff", "di_ports", code=2)
    module(outcome, "di_ports").with_suffix(".json").write_text("{", "utf-8")
    assert "missing or damaged" in told(capsys, "diff", "di_ports", code=2)


def test_a_hostile_module_is_compared_as_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = recorded()
    module(outcome, "bo_clinics").write_text(HOSTILE.replace("\n", " ") + "\n[red]markup[/red]\n", "utf-8")
    out = told(capsys, "diff", "ada_freight", "bo_clinics")
    assert not CONTROL.search(out)
    assert "+[red]markup[/red]\n" in out


# ---- export


def test_a_component_that_autogen_loads(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from autogen_agentchat.agents import AssistantAgent

    recorded()
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    text = told(capsys, "export", "ada_freight", "--as", "component")
    assert AssistantAgent.load_component(json.loads(text)).name == "ada_freight"
    assert json.loads(text)["config"]["model_client"]["config"]["model"] == "gpt-4.1-mini"


def test_a_script_on_stdout_is_the_one_in_the_file(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    recorded()
    assert main(["agents", "export", "ada_freight", "--as", "module"]) == 0
    out = capsysbinary.readouterr().out
    assert main(["agents", "export", "ada_freight", "--as", "module", "--to", "ada.py"]) == 0
    assert Path("ada.py").read_bytes() == out
    compile(out, "ada.py", "exec")
    assert b"ideas for bakeries" in out


def test_a_file_is_replaced_only_by_force_and_only_whole(capsys: pytest.CaptureFixture[str]) -> None:
    recorded()
    export = ["export", "ada_freight", "--as", "component", "--to", "ada.json"]
    Path("ada.json").write_text("mine", "utf-8")
    assert "'ada.json' exists already" in told(capsys, *export, code=2)
    assert Path("ada.json").read_text("utf-8") == "mine"
    assert told(capsys, *export, "--force") == "Written: ada.json\n"
    assert json.loads(Path("ada.json").read_text("utf-8"))["label"] == "ada_freight"
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("to", "said"),
    [("generated", "is a folder"), ("nowhere/ada.json", "is no folder"), (" ", "Name a file"), ("dead", "exists")],
)
def test_a_place_that_cannot_be_written_is_one_line(capsys: pytest.CaptureFixture[str], to: str, said: str) -> None:
    recorded()
    Path("dead").symlink_to("nowhere")
    assert said in told(capsys, "export", "ada_freight", "--as", "component", "--to", to, code=2)


def test_what_nobody_approved_or_checked_says_so_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = recorded()
    path = module(outcome, "ada_freight")
    path.write_text(path.read_text("utf-8") + "# more\n", "utf-8")
    notes = {"ada_freight": "was changed after it was checked", "bo_clinics": "has approved", "cy_farms": REASON}
    for name, said in notes.items():
        assert main(["agents", "export", name, "--as", "component"]) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["label"] == name
        assert said in err


def test_the_form_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    recorded()
    assert "Choose from: component, module" in told(capsys, "export", "ada_freight", code=2)
    assert "'zip'" in told(capsys, "export", "ada_freight", "--as", "zip", code=2)


# ---- all of them

COMMANDS = [["show"], ["why"], ["diff"], ["export", "--as", "component"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_name_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    recorded()
    Path("generated/secret.py").write_text("KEY", "utf-8")
    assert "Did you mean 'ada_freight'?" in told(capsys, *command, "ada_freigt", code=2)
    assert "No agent" in told(capsys, *command, "../../secret", code=2)
    assert not CONTROL.search(told(capsys, *command, "\x1b[2Jx\ny", code=2).rstrip("\n"))


@pytest.mark.parametrize("command", [["show"], ["diff"], ["export", "--as", "component"]])
def test_no_command_follows_a_name_out_of_the_run(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    """`run.json` is a file that anybody may have written."""
    outcome = recorded()
    Path("generated/secret.py").write_text("KEY", "utf-8")
    (outcome.directory / "agents" / "link.py").symlink_to(Path("generated/secret.py").absolute())
    path = outcome.directory / "run.json"
    stored = json.loads(path.read_text("utf-8"))
    for name in ("../../secret", "link"):
        stored["agents"][0]["name"] = name
        path.write_text(json.dumps(stored), "utf-8")
        assert "KEY" not in told(capsys, *command, name, code=2)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_earlier_run_is_found_by_the_beginning_of_its_id(
    capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    earlier = recorded()
    later = recorded(lambda run: run.record.agents.clear())
    publish_latest(Path("generated"), later.directory)
    assert "No agent" in told(capsys, *command, "ada_freight", code=2)
    assert told(capsys, *command, "ada_freight", "--run", earlier.run_id[:20])


def test_ideas_of_others_that_an_agent_refined_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    def more(run: Recorded) -> None:
        versions = [IdeaVersion(author="bo_clinics", idea=idea("B")), IdeaVersion(author="ada_freight", idea=idea("C"))]
        run.record.ideas.append(
            IdeaOutcome(number=2, author="bo_clinics", contributors=["ada_freight"], versions=versions)
        )

    recorded(more)
    assert document(capsys)["agents"][0]["refined"] == [2]
    assert document(capsys, "why", "ada_freight")["refined"] == [2]
    assert re.search(r"Refined +idea 2", told(capsys, "why", "ada_freight"))
