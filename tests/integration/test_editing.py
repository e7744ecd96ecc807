"""Editing a module that waits, from elsewhere than the reviewing terminal: while its run goes on, and afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from creator import deciding
from creator.cli import main
from creator.errors import PolicyViolation, UsageError
from creator.files import digest
from creator.ledger.decided import load_people
from creator.ledger.store import FILE_NAME
from creator.ledger.view import find_agent, load_run
from creator.outcome import RunOutcome
from creator.review.base import Candidate, Verdict
from tests.conftest import RecordedProgress


def rows(directory: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(directory / FILE_NAME)) as ledger:
        return ledger.execute(query).fetchall()


def module(directory: Path, name: str) -> Path:
    return directory / "agents" / f"{name}.py"


class FirstLives:
    """Approves the first candidate, so that its run goes on, and lets all others wait."""

    def __init__(self) -> None:
        self.first = ""

    async def review(self, candidate: Candidate) -> Verdict:
        self.first = self.first or candidate.name
        return Verdict("approved" if candidate.name == self.first else "pending")

    async def tell(self, candidate: Candidate, problem: str) -> None:
        raise AssertionError("nobody edits on this terminal")


async def test_a_run_that_goes_on_checks_an_edit_and_lets_it_live(run: Any, serve: Any, tmp_path: Path) -> None:
    def until_released(number: int, request: dict[str, Any]) -> str | None:
        return "hang" if not server.released.is_set() and "Propose one idea" in str(request["messages"]) else None

    server = serve(fault=until_released)
    progress = RecordedProgress()
    options: dict[str, Any] = {"server": server, "progress": progress, "reviewer": FirstLives(), "model_timeout": 5}
    going = asyncio.create_task(run(2, review="now", bounce=0.0, reply_deadline=120, **options))

    async def reached(condition: Any) -> Any:
        async with asyncio.timeout(60):
            while not (found := condition()):
                await asyncio.sleep(0.01)
                assert not going.done(), going.result().reason
        return found

    (name,) = await reached(lambda: [name for name, state, _ in progress.agents if state == "pending"])
    (directory,) = (tmp_path / "generated").glob("2*")

    def waiting() -> tuple[Any, Any]:
        view = load_run(directory)
        return view, find_agent(view.outcome, name)

    async def edit(source: str) -> None:
        await asyncio.to_thread(deciding.order_edit, *waiting(), source)

    before = module(directory, name).read_text("utf-8")
    with pytest.raises(PolicyViolation, match=f"{name}.py:1:1: IMPORT001"):
        await edit(f"import os\n{before}")
    with pytest.raises(UsageError, match="Nothing was changed"):
        await edit(before)

    sha256 = waiting()[1].sha256
    await edit(before.replace("return kit.Proposal(idea=idea)", "return None"))
    refused = await reached(lambda: load_people(directory).edits[name, sha256].refused)
    assert "propose" in refused, "the trial found what the policy cannot"
    assert (waiting()[1].state, module(directory, name).read_text("utf-8")) == ("pending", before)

    await edit(f"{before}# by a person\n")
    await reached(lambda: (name, "live", "") in progress.agents)
    server.released.set()
    outcome = await going
    assert outcome.exit_code == 0, outcome.reason
    agent = find_agent(outcome, name)
    assert module(directory, name).read_text("utf-8") == f"{before}# by a person\n"
    assert agent.sha256 == digest(f"{before}# by a person\n")
    assert (name, agent.sha256, "edited") in rows(directory, "SELECT name, sha256, decision FROM decisions")


@pytest.fixture
def waits(run: Any, serve: Any, monkeypatch: pytest.MonkeyPatch) -> RunOutcome:
    """A run that has ended, in which two agents wait."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    return asyncio.run(run(2, server=serve(), review="later", bounce=0.0))


def test_a_command_edits_and_opens_the_run_again(
    waits: RunOutcome, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = [agent.name for agent in waits.agents]
    output = ["--output", str(waits.directory.parent)]
    source = module(waits.directory, first).read_text("utf-8")
    mine = tmp_path / "mine.py"

    def from_file(text: str) -> int:
        mine.write_text(text, "utf-8")
        return main(["agents", "edit", first, "--from", str(mine), *output])

    assert from_file(f"import os\n{source}") == 2
    assert f"The policy refuses it: {first}.py:1:1: IMPORT001" in capsys.readouterr().err
    assert main(["agents", "edit", first, "--from", str(tmp_path / "none.py"), *output]) == 2
    assert "Cannot read" in capsys.readouterr().err
    assert from_file(source.replace("return kit.Proposal(idea=idea)", "return None")) == 2
    assert f"Your version of {first} was refused: " in capsys.readouterr().err
    assert {agent.state for agent in load_run(waits.directory).outcome.agents} == {"pending"}

    # With an editor: what the policy refuses is edited again, from where it was.
    script = tmp_path / "editor.py"
    script.write_text(
        "import pathlib, sys\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "text = path.read_text('utf-8')\n"
        "first = not text.startswith('import os')\n"
        "text = 'import os\\n' + text if first else text.removeprefix('import os\\n') + '# mine\\n'\n"
        "path.write_text(text, 'utf-8')\n",
        "utf-8",
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")
    answers = tmp_path / "answers"
    answers.write_text("y\n", "utf-8")
    with answers.open("r", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert main(["agents", "edit", first, *output]) == 3
    assert "The policy refuses it" in capsys.readouterr().err
    again = load_run(waits.directory).outcome
    assert {agent.name: agent.state for agent in again.agents} == {first: "live", second: "pending"}
    assert module(waits.directory, first).read_text("utf-8") == f"{source}# mine\n"
    assert [idea.author for idea in again.ideas] == [first]
    assert main(["agents", "edit", first, "--from", str(mine), *output]) == 2
    assert "is live, not pending" in capsys.readouterr().err
    assert main(["agents", "why", first, *output]) == 0
    assert "edit refused" in capsys.readouterr().out


def test_what_is_decided_after_an_edit_takes_its_place(waits: RunOutcome) -> None:
    view = load_run(waits.directory)
    agent = view.outcome.agents[0]
    source = module(waits.directory, agent.name).read_text("utf-8")
    deciding.order_edit(view, agent, f"{source}# one\n")
    deciding.order_edit(view, agent, f"{source}# two\n")
    deciding.decide(view, [agent], "approved")
    assert rows(waits.directory, "SELECT refused FROM edits ORDER BY id") == [
        ("it was edited once more",),
        ("it was approved instead",),
    ]
    assert main(["runs", "resume", "--decided-only", "--output", str(waits.directory.parent)]) == 3
    found = find_agent(load_run(waits.directory).outcome, agent.name)
    assert (found.state, found.sha256) == ("live", agent.sha256)
