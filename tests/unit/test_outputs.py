import errno
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from creator import outputs
from creator.errors import EnvironmentFault
from creator.outcome import IdeaOutcome, exit_code_for
from creator.outputs import RUN_ID as FORM
from creator.outputs import new_run_directory, publish_latest, write_atomically, write_outputs
from creator.reporting.idea_files import idea_file_name, render_idea
from creator.reporting.standings import Standings
from tests.unit.outcomes import RUN_ID, hostile_outcome, outcome, ranked_outcome


def run_directory(tmp_path: Path) -> Path:
    directory = tmp_path / RUN_ID
    (directory / "ideas").mkdir(parents=True)
    return directory


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("asked", "ideas", "interrupted", "code"),
    [(5, 5, False, 0), (5, 6, False, 0), (5, 4, False, 3), (5, 0, False, 1), (5, 5, True, 130), (1, 0, True, 130)],
)
def test_the_exit_code_says_how_many_ideas_exist(asked: int, ideas: int, interrupted: bool, code: int) -> None:
    assert exit_code_for(asked, ideas, interrupted) == code


def test_a_run_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    directory = new_run_directory(tmp_path / "a" / "generated")
    assert FORM.fullmatch(directory.name)
    assert (directory / "agents").is_dir()
    assert (directory / "ideas").is_dir()
    assert (directory / "agents").stat().st_mode & 0o755 == 0o755


def test_many_runs_that_start_at_once_never_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter([0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9] * 40)
    monkeypatch.setattr(outputs.secrets, "token_hex", lambda n: f"{next(draws) % 16:0{2 * n}x}")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_run_directory(tmp_path), range(8)))
    assert len(set(made)) == 8


def test_an_output_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "generated").write_text("", encoding="utf-8")
    for output in (tmp_path / "generated", tmp_path / "generated" / "deeper"):
        with pytest.raises(EnvironmentFault, match=r"is not a folder: choose another with --output") as caught:
            new_run_directory(output)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "No space is left"),
        (errno.EDQUOT, "No space is left"),
        (errno.EROFS, "read-only file system"),
        (errno.EACCES, "No permission"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_what_the_disk_refuses_is_one_line_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    (tmp_path / "file").write_text("before", encoding="utf-8")

    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(EnvironmentFault, match=said) as caught:
        write_atomically(tmp_path / "file", "after")
    assert "\n" not in str(caught.value)
    assert files(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "before"


def test_latest_points_at_the_newest_run(tmp_path: Path) -> None:
    for name in ("20261121-064512-0001", "20261121-064512-0002"):
        (tmp_path / name).mkdir()
        publish_latest(tmp_path, tmp_path / name)
        assert (tmp_path / "latest").resolve().name == name
    assert not (tmp_path / "latest").readlink().is_absolute()


def test_latest_is_a_text_file_where_links_do_not_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    publish_latest(tmp_path, tmp_path / RUN_ID)
    assert (tmp_path / "latest").read_text(encoding="utf-8") == f"{RUN_ID}\n"


def test_a_folder_of_the_users_called_latest_stays(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "mine").write_text("", encoding="utf-8")
    publish_latest(tmp_path, tmp_path / RUN_ID)
    assert files(tmp_path) == ["latest/mine"]


def test_the_files_of_a_run(tmp_path: Path) -> None:
    directory = run_directory(tmp_path)
    write_outputs(outcome(directory))
    assert files(directory) == [
        "ideas/01-dispatch-desk-1.md",
        "ideas/02-dispatch-desk-2.md",
        "ideas/03-better-dispatch-desk-3.md",
        "report.html",
        "report.md",
        "run.json",
    ]
    stored = json.loads((directory / "run.json").read_text(encoding="utf-8"))
    assert stored["schema_version"] == 1
    assert stored["state"] == "finished"
    assert "directory" not in stored


def test_an_idea_file_tells_the_idea_and_whose_words_it_holds(tmp_path: Path) -> None:
    run = outcome(tmp_path / RUN_ID)
    text = render_idea(run.ideas[2], Standings(run))
    headings = re.findall(r"^#+ .*$", text, flags=re.MULTILINE)
    assert headings[:7] == [
        "# Better dispatch desk 3",
        "## Problem",
        "## Customer",
        "## Solution",
        "## Revenue model",
        "## First step",
        "## Origin",
    ]
    assert "- Author: agent_number_3\n- Contributors: agent_number_1\n- Model: test:model\n" in text
    assert f"- Run: {RUN_ID}\n- Objective: business ideas for agentic AI\n" in text
    assert "### Text 1, author's own text by agent_number_3, hop 0\n\n**Dispatch desk 3**" in text
    assert "### Text 2, refinement by agent_number_1, hop 1, from text 1\n\n**Better dispatch desk 3**" in text
    assert "## All texts" not in render_idea(run.ideas[0], Standings(run))


def test_no_text_of_a_model_forges_a_section_or_html_in_an_idea_file(tmp_path: Path) -> None:
    run = hostile_outcome(tmp_path / RUN_ID)
    harmless = hostile_outcome(tmp_path / RUN_ID, "harmless")
    honest = render_idea(harmless.ideas[0], Standings(harmless))
    text = render_idea(run.ideas[0], Standings(run))
    levels = [re.match(r"#+", line)[0] for line in text.splitlines() if line.startswith("#")]
    assert levels == [re.match(r"#+", line)[0] for line in honest.splitlines() if line.startswith("#")]
    assert "<" not in text
    assert not re.search(r"(?<!\\)\[", text)
    assert not set("\x1b\x9b\x00\u202e") & set(text)
    assert [line for line in text.splitlines() if line.startswith("- Author")] == ["- Author: ada_freight"]
    assert [line for line in text.splitlines() if line.startswith("- Near-dup")] == ["- Near-duplicates: idea 2"]


def test_an_idea_file_tells_its_place_and_who_said_what_about_which_text(tmp_path: Path) -> None:
    run = ranked_outcome(tmp_path / RUN_ID)
    standings = Standings(run)
    text = render_idea(run.ideas[17], standings)
    assert (
        "## Place among the ideas of the run\n\n"
        "- Rank: 3 in the judge's preference, preferred in 4.5 of 8 comparisons\n"
        "- Rating: 1,643 (95 % interval 1,553 to 1,713)\n"
    ) in text
    assert "- Conversation: c-18\n" in text
    assert "- Delivered: text 4, merged text by agent_number_18, hop 2, from texts 2 and 3\n" in text
    heads = [line for line in text.splitlines() if re.match("### Text|#### (Crit|In fav|Verd)", line)]
    assert heads == [
        "### Text 1, author's own text by agent_number_18, hop 0",
        "#### Critique, by agent_number_3",
        "### Text 2, refinement by agent_number_1, hop 1, from text 1",
        "#### In favour, by agent_number_1",
        "### Text 3, refinement by agent_number_2, hop 1, from text 1",
        "### Text 4, merged text by agent_number_18, hop 2, from texts 2 and 3",
        "#### Verdict, by judge",
    ]
    weak = render_idea(run.ideas[13], standings)
    assert "- Weak by plain checks: it names no customer\n- Weak by plain checks: its first step" in weak
    assert "- Near-duplicate of idea 16\n" in render_idea(run.ideas[14], standings)
    assert "- Near-duplicates: idea 15\n" in render_idea(run.ideas[15], standings)
    assert "## Place" not in render_idea(outcome(tmp_path).ideas[0], Standings(outcome(tmp_path)))


def test_one_shot_ideas_have_a_folder_of_their_own(tmp_path: Path) -> None:
    directory = run_directory(tmp_path)
    write_outputs(ranked_outcome(directory, count=3, one_shots=2))
    assert files(directory / "ideas") == [
        "01-stock-counts-for-market-gardens.md",
        "02-night-calls-of-a-vet-practice-answered.md",
        "03-returns-desk-for-online-shops-text-4.md",
        "one-shot/100001-plain-dispatch-desk-for-small-hauliers.md",
        "one-shot/100002-plain-stock-counts-for-market-gardens.md",
    ]
    text = (directory / "ideas/one-shot/100001-plain-dispatch-desk-for-small-hauliers.md").read_text("utf-8")
    assert "- Source: a one-shot idea, which no agent had a part in\n" in text


def test_idea_files_sort_when_there_are_many(tmp_path: Path) -> None:
    idea = outcome(tmp_path, count=1).ideas[0]
    names = [idea_file_name(IdeaOutcome.model_validate({**idea.model_dump(), "number": n}), 120) for n in (2, 110)]
    assert names == ["002-dispatch-desk-1.md", "110-dispatch-desk-1.md"]


def test_files_are_utf_8_under_any_locale(tmp_path: Path) -> None:
    directory = run_directory(tmp_path)
    code = (
        "import sys; from pathlib import Path; from tests.unit.outcomes import outcome; "
        "from creator.outputs import write_outputs; o = outcome(Path(sys.argv[1])); "
        "write_outputs(o.model_copy(update={'objective': 'Ideen f\\xfcr B\\xe4cker \\U0001f950'}))"
    )
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    root = Path(outputs.__file__).parent.parent
    subprocess.run([sys.executable, "-c", code, directory], env=environment, cwd=root, check=True)
    for name in files(directory):
        assert "Ideen für Bäcker 🥐" in (directory / name).read_text(encoding="utf-8")
