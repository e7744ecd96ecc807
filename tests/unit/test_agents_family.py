"""``agents add`` and ``agents tree`` on runs on disk: what they print, write and refuse."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from creator.cli import main
from creator.ledger.store import FILE_NAME, Ledger, WishRow
from creator.outcome import AgentOutcome, RunOutcome, StartedRun
from creator.outputs import new_run_directory, publish_latest, write_outputs, write_started
from tests.unit.outcomes import HOSTILE, outcome
from tests.unit.test_family import agent


@pytest.fixture(autouse=True)
def page_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["agents", *arguments]) == code
    out, err = capsys.readouterr()
    if code == 0:
        return out
    assert (out, err.count("\n")) == ("", 1)
    return err


def ended(*agents: AgentOutcome) -> RunOutcome:
    run = outcome(new_run_directory(Path("generated")), count=1, failed=0).model_copy(update={"agents": list(agents)})
    write_outputs(run)
    publish_latest(run.directory.parent, run.directory)
    return run


def started(pid: int | None = None, output: Path = Path("generated")) -> Path:
    """A run that goes on in this process, or went on in another."""
    directory = new_run_directory(output)
    info = StartedRun(
        run_id=directory.name,
        objective="x",
        model="m",
        sandbox="process",
        asked=1,
        started=datetime.now(UTC),
        pid=pid or os.getpid(),
        host=socket.gethostname(),
    )
    write_started(directory, info)
    asyncio.run(Ledger.open(directory / FILE_NAME).close())
    return directory


def wishes(directory: Path) -> list[WishRow]:
    ledger = Ledger.open(directory / FILE_NAME)
    try:
        return ledger.wishes_after(0)
    finally:
        asyncio.run(ledger.close())


# ---- tree


def test_the_tree_shows_who_asked_for_whom(capsys: pytest.CaptureFixture[str]) -> None:
    run = ended(
        agent("ada"),
        agent("bo", asked_by="ada", parents=("ada",), state="failed"),
        agent("cy", parents=("bo", "di"), generation=1),
        agent("di", asked_by="user", state="pending"),
    )
    for arguments in ([], [run.run_id], [run.run_id[:10]], ["latest"]):
        assert told(capsys, "tree", *arguments).splitlines() == [
            f"run {run.run_id}",
            "├── ada  freight, live",
            "│   └── bo  freight, failed",
            "│       └── cy  freight, live, generation 1, with di",
            "└── di  freight, waits for a decision, added by the user",
        ]


def test_the_tree_as_json_is_nested(capsys: pytest.CaptureFixture[str]) -> None:
    run = ended(agent("ada"), agent("bo", asked_by="ada", parents=("ada",)))
    found = json.loads(told(capsys, "tree", "--json"))
    assert (found["run_id"], found["state"]) == (run.run_id, "finished")
    (ada,) = found["family"]
    assert (ada["name"], ada["state"], ada["asked_by"]) == ("ada", "live", "")
    (bo,) = ada["children"]
    assert (bo["name"], bo["asked_by"], bo["parents"], bo["children"]) == ("bo", "ada", ["ada"], [])


@pytest.mark.parametrize("deep", [False, True])
def test_a_thousand_agents_can_be_printed(capsys: pytest.CaptureFixture[str], deep: bool) -> None:
    names = [f"agent_number_{number}" for number in range(1_000)]
    ended(*(agent(name, names[n - 1] if deep and n else "") for n, name in enumerate(names)))
    lines = told(capsys, "tree").splitlines()
    assert len(lines) == 1_001
    shown = {line.lstrip("│├└─ \xa0").split(" ")[0] for line in lines[1:]}
    assert shown == set(names), "no name is cut"
    found = json.loads(told(capsys, "tree", "--json"))
    assert json.dumps(found).count('"children"') == 1_000


def test_a_line_of_an_ordinary_tree_fits_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    long = {"sector": "s" * 200, "parents": ["p" * 64, "q" * 64]}
    ended(agent("a" * 40), agent("b" * 40, asked_by="a" * 40).model_copy(update=long))
    assert all(len(line) <= 80 for line in told(capsys, "tree").splitlines())


def test_hostile_texts_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    bad = agent(HOSTILE, asked_by=HOSTILE + "?", parents=(HOSTILE + "!",) * 3).model_copy(update={"sector": HOSTILE})
    ended(bad, agent("[bold]ada[/bold]:smile:", asked_by=HOSTILE))
    out = told(capsys, "tree")
    assert len(out.splitlines()) == 3
    assert "[bold]ada[/bold]:smile:" in out
    assert not set("\x1b\x9b\x00\x07\u202e") & set(out)
    json.loads(told(capsys, "tree", "--json"))


def test_a_run_without_agents_has_no_tree(capsys: pytest.CaptureFixture[str]) -> None:
    run = ended()
    assert told(capsys, "tree") == f"No agents in run {run.run_id} (finished).\n"
    assert "No run 'nothing'" in told(capsys, "tree", "nothing", code=2)


# ---- add


def test_a_wish_for_a_run_that_goes_on_is_written_down(capsys: pytest.CaptureFixture[str]) -> None:
    directory = started()
    out = told(capsys, "add", directory.name[:-2], "a pricing expert for clinics", "--topic", " what\nvisits cost ")
    assert out == f"asked for: pricing expert, clinics; see: python -m creator agents {directory.name}\n"
    told(capsys, "add", "latest", "somebody bold")
    told(capsys, "add", "latest", "a nurse in town", "--sector", "villages")
    told(capsys, "add", "latest", "--role", "the \x1b[2Jcritic", "--sector", "x" * 500)
    found = [(row.sector, row.role, row.topic) for row in wishes(directory)]
    assert found[:3] == [
        ("clinics", "pricing expert", "what visits cost"),
        ("business", "somebody bold", ""),
        ("villages", "nurse", ""),
    ]
    assert found[3][1] == "the critic"
    assert len(found[3][0]) == 120


def test_a_folder_of_its_own_is_named_in_what_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    directory = started(output=Path("my runs"))
    out = told(capsys, "add", "latest", "a nurse", "--output", "my runs")
    assert out.endswith(f"see: python -m creator agents {directory.name} --output 'my runs'\n")


def test_a_run_that_does_not_go_on_gets_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    assert "No runs in" in told(capsys, "add", "latest", "a nurse", code=2)
    run = ended(agent("ada"))
    assert told(capsys, "add", "latest", "a nurse", code=2) == (
        f"creator: Run {run.run_id} has ended: an agent is added while its run goes on.\n"
    )
    assert not (run.directory / FILE_NAME).exists(), "nothing is written"
    assert "No run 'nope'" in told(capsys, "add", "nope", "a nurse", code=2)


def test_a_run_that_was_killed_gets_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    directory = started(pid=process.pid)
    assert "was killed: an agent is added" in told(capsys, "add", directory.name, "a nurse", code=2)
    assert wishes(directory) == []


@pytest.mark.parametrize("arguments", [[], ["latest"], ["a nurse"], ["latest", " \x1b[2J "], ["latest", "--role", " "]])
def test_a_wish_without_words_is_a_mistake(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    directory = started()
    assert 'agents add latest "a pricing expert for clinics"' in told(capsys, "add", *arguments, code=2)
    assert wishes(directory) == []


def test_both_commands_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    lines: Any = [line.split() for line in told(capsys, "--help").splitlines()]
    assert {"add", "tree"} <= {line[0] for line in lines if line}
