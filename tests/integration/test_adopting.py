"""Agents from elsewhere: adopted through policy and trial into the library, and brought into populations."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from creator.cli import main
from creator.errors import UsageError
from creator.isolation import SandboxUnavailable
from creator.review.base import Candidate, Verdict

FOREIGN = Path(__file__).parents[1] / "unit" / "adopting"
BOXED = ["--sandbox", "bubblewrap"]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def exercise(tmp_path: Path) -> Path:
    """A module as the course has people write them."""
    path = tmp_path / "agent1.py"
    path.write_text((FOREIGN / "agent1.py.txt").read_text("utf-8"), "utf-8")
    return path


def test_a_course_module_is_shown_tried_and_kept(
    exercise: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["agents", "adopt", str(exercise), "--library", str(library), *BOXED]) == 0
    said = capsys.readouterr().out
    assert "-import messages" in said and "+from sandbox import kit" in said
    assert "mapped" in said
    assert "adopted: agent1" in said
    assert main(["agents", "library", "--library", str(library), "--json"]) == 0
    (kept,) = json.loads(capsys.readouterr().out)["agents"]
    assert (kept["name"], kept["author"]) == ("agent1", "adopted")


def test_adopting_again_needs_force_and_a_dry_run_keeps_nothing(
    exercise: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adopt = ["agents", "adopt", str(exercise), "--library", str(library), *BOXED]
    assert main([*adopt, "--dry-run"]) == 0
    assert not library.exists()
    assert main(adopt) == 0
    assert main(adopt) == 2
    assert "--force" in capsys.readouterr().err
    assert main([*adopt, "--force"]) == 0
    assert main([*adopt, "--as", "zoe"]) == 0
    assert sorted(path.name for path in library.glob("*.py")) == ["agent1.py", "zoe.py"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("print(", "__import__('os').system("), "NAME001"),
        (("idea = response.chat_message.content", "idea = response.no_such_thing.content"), "no_such_thing"),
    ],
)
def test_what_the_policy_or_the_trial_refuses_is_not_kept(
    exercise: Path, library: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], named: str
) -> None:
    source = exercise.read_text("utf-8")
    assert change[0] in source
    exercise.write_text(source.replace(*change, 1), "utf-8")
    assert main(["agents", "adopt", str(exercise), "--library", str(library), *BOXED]) == 1
    assert named in capsys.readouterr().out
    assert not list(library.glob("*")) if library.exists() else True


def test_a_plain_process_does_not_run_a_strangers_code(
    exercise: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["agents", "adopt", str(exercise), "--library", str(library), "--sandbox", "process"]) == 2
    assert "--unsafe" in capsys.readouterr().err
    assert not library.exists()


@pytest.mark.parametrize("name", ["missing.py", ".", "latin.py", "no_class.py"])
def test_what_cannot_be_adopted_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (tmp_path / "latin.py").write_bytes(b"# \xe9\n")
    (tmp_path / "no_class.py").write_text("x = 1\n", "utf-8")
    assert main(["agents", "adopt", str(tmp_path / name)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


async def test_kept_agents_work_among_new_ones(run: Any, exercise: Path, library: Path) -> None:
    adopted = await asyncio.to_thread(main, ["agents", "adopt", str(exercise), "--library", str(library), *BOXED])
    assert adopted == 0
    outcome = await run(4, with_agents=["agent1"], library=library, sandbox="bubblewrap", bounce=1.0)
    assert outcome.exit_code == 0, outcome.reason
    assert [agent.author for agent in outcome.agents] == ["adopted", "fill", "fill", "fill"]
    assert "agent1" in {idea.author for idea in outcome.ideas}
    with pytest.raises(SandboxUnavailable, match="--unsafe"):
        await run(2, with_agents=["agent1"], library=library, sandbox="process")


async def test_a_kept_agent_needs_the_same_approval(run: Any, library: Path) -> None:
    first = await run(1, bounce=0.0)
    name = first.live[0].name
    kept = await asyncio.to_thread(
        main, ["agents", "keep", name, "--library", str(library), "--output", str(first.directory.parent)]
    )
    assert kept == 0
    shown: list[Candidate] = []

    class Refusing:
        async def review(self, candidate: Candidate) -> Verdict:
            shown.append(candidate)
            return Verdict("rejected", "not again") if candidate.name == name else Verdict("approved")

        async def tell(self, candidate: Candidate, problem: str) -> None: ...

    outcome = await run(2, with_agents=[name], library=library, review="now", reviewer=Refusing(), bounce=0.0, seed=5)
    assert [agent.state for agent in outcome.agents] == ["failed", "live"]
    assert outcome.agents[0].name == name
    assert any("from the library" in finding for finding in shown[0].findings)


async def test_unknown_ones_are_named_before_anything_starts(run: Any, library: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'nobody'"):
        await run(2, with_agents=["nobody"], library=library)
    assert not list((tmp_path / "generated").glob("2*"))
