import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from creator.cli import main
from creator.ledger import Ledger
from creator.ledger.accounts import load_accounts
from creator.ledger.store import FILE_NAME
from creator.ledger.use import in_use
from creator.library import keep
from creator.outcome import IdeaVersion, RunOutcome, StartedRun
from creator.outputs import publish_latest, write_settings, write_started
from creator.settings import SpawnSettings
from tests.unit.outcomes import RUN_ID, hostile_outcome, idea, outcome, ranked_outcome
from tests.unit.recorded import recorded
from tests.unit.test_cli import CONTROL, page_of_80_columns, store

__all__ = ["page_of_80_columns"]

OLDER = "20261120-000000-0001"
NEWER = "20261122-000000-0002"
WIDTHS = [50, 80, 100, 200]

Told = Callable[..., str]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def told(capsys: Captured) -> Told:
    """What a command prints; it has to succeed, within the page."""

    def run(*arguments: str) -> str:
        assert main(["runs", *arguments]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        width = int(os.environ["COLUMNS"])
        suggested = re.compile(r"(Read one:|Next| ) +python -m creator ")  # to be copied, so never wrapped
        assert "--json" in arguments or all(
            len(line) <= width for line in out.splitlines() if not suggested.match(line)
        )
        return out

    return run


def refused(capsys: Captured, *arguments: str) -> str:
    """What a command that cannot be done says, in one line."""
    assert main(["runs", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("creator: ")
    assert err.count("\n") == 1
    return err


def with_calls(run: RunOutcome, started: float) -> None:
    """Calls of all phases: writing an agent, an idea of hers, a one-shot idea, and judging by another model."""
    ledger = Ledger.open(run.directory / FILE_NAME)
    for agent, model, tokens in (
        ("creator", "m", 100),
        ("ada", "m", 2_000),
        ("bo", "m", 300),
        ("baseline", "m", 40),
        ("judge", "other", 50),
    ):
        ledger.record_call(
            agent,
            model,
            prompt_tokens=tokens,
            completion_tokens=7,
            prompt_characters=9,
            latency=1.5,
            retries=0,
            error=None,
        )
    ledger.record_event("started", run.directory.name, {"seed": 4_711})
    asyncio.run(ledger.close())


def begun(run_id: str, pid: int | None = None, host: str = "") -> Path:
    """A run that has begun and not ended."""
    directory = Path("generated") / run_id
    for part in ("agents", "ideas"):
        (directory / part).mkdir(parents=True)
    asyncio.run(Ledger.open(directory / FILE_NAME).close())
    write_started(
        directory,
        StartedRun(
            run_id=run_id,
            objective="ideas",
            model="m",
            sandbox="process",
            asked=3,
            started=datetime(2026, 11, 22, tzinfo=UTC),
            pid=pid,
            host=host or socket.gethostname(),
        ),
    )
    return directory


def gone() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


# -- list ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("make", [outcome, ranked_outcome, hostile_outcome])
def test_the_list_takes_the_columns_that_fit(
    told: Told, monkeypatch: pytest.MonkeyPatch, width: int, make: Callable[[Path], RunOutcome]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    store(make)
    out = told()
    assert not CONTROL.search(out)
    heading = out.splitlines()[1].split()
    assert heading[:2] == ["Run", "State"]
    assert ("Cost" in heading, "Model" in heading, "Started" in heading) == (width >= 70, width >= 100, width >= 120)
    assert sum(RUN_ID in line for line in out.splitlines()) == 2, "a line of its own, and the command to read it"
    assert told("list") == out


def test_the_list_tells_states_numbers_and_costs(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    store(lambda directory: outcome(directory).model_copy(update={"cost": 1.5, "interrupted": True}), OLDER)
    store(lambda directory: outcome(directory, failed=0).model_copy(update={"cost": 0.0, "limit": "50 tokens"}))
    begun(NEWER, gone())
    begun("20261123-000000-0003", os.getpid())
    lines = {line.split()[0]: line for line in told().splitlines() if line.strip().startswith("2026")}
    assert re.search(r"interrupted +2026-11-21 06:45 +3/1 +3/4 +19k +\$1\.50 +process +test:model", lines[OLDER])
    assert re.search(r"limit reached .* 3/0 +3/3 +19k +\$0 ", lines[RUN_ID])
    assert re.search(r"lost .* 0/0 +0/3 +0 +\$0 ", lines[NEWER])
    assert "running" in lines["20261123-000000-0003"]
    found = {one["run_id"]: one for one in json.loads(told("--json"))}
    assert [one["state"] for one in found.values()] == ["interrupted", "limit reached", "lost", "running"]
    assert (found[OLDER]["cost"], found[OLDER]["live"], found[OLDER]["asked"]) == (1.5, 3, 4)
    assert found[RUN_ID]["limit"] == "50 tokens"
    assert found["20261123-000000-0003"]["exit_code"] is None


def test_no_runs_say_how_to_start_one(told: Told) -> None:
    assert "python -m creator spawn 5" in told()
    assert json.loads(told("--json")) == []


def _empty(directory: Path) -> None:
    (directory / "run.json").write_bytes(b"")


def _huge(directory: Path) -> None:
    with (directory / "run.json").open("wb") as file:
        file.truncate(200_000_001)


def _deep(directory: Path) -> None:
    (directory / "run.json").write_text("[" * 100_000)


def _pipe(directory: Path) -> None:
    os.mkfifo(directory / "run.json")


def _folder(directory: Path) -> None:
    (directory / "run.json").mkdir()


def _circle(directory: Path) -> None:
    (directory / "run.json").symlink_to("run.json")


def _of_another(directory: Path) -> None:
    (directory / "run.json").write_text('{"state": "finished", "laps": 3}')


def _nothing(directory: Path) -> None: ...


def _ledger(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(directory: Path) -> None:
        directory.rmdir()
        begun(directory.name, gone())
        (directory / FILE_NAME).unlink()
        make(directory / FILE_NAME)

    return damage


DAMAGES = {
    "empty": _empty,
    "huge": _huge,
    "deep": _deep,
    "pipe": _pipe,
    "folder": _folder,
    "circle": _circle,
    "of another program": _of_another,
    "nothing": _nothing,
    "no ledger": _ledger(lambda path: None),
    "text ledger": _ledger(lambda path: path.write_text("dear diary " * 100)),
    "empty ledger": _ledger(lambda path: path.write_bytes(b"")),
    "folder ledger": _ledger(lambda path: path.mkdir()),
    "pipe ledger": _ledger(os.mkfifo),
}


def snapshot(folder: Path) -> list[tuple[str, int, int]]:
    found = ((path, path.lstat()) for path in sorted(folder.rglob("*")))
    return [(str(path), one.st_size, one.st_mtime_ns) for path, one in found]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_a_clear_line_hides_no_other_and_is_not_touched(
    told: Told, capsys: Captured, damage: str
) -> None:
    store(outcome)
    directory = Path("generated") / OLDER
    directory.mkdir()
    DAMAGES[damage](directory)
    before = snapshot(directory)
    out = told()
    assert re.search(rf"{OLDER} +unreadable", out)
    assert f"unreadable  {OLDER}: " in out
    assert re.search(rf"{RUN_ID} +finished +3/1", out)
    broken, whole = json.loads(told("--json"))
    assert (broken["state"], whole["state"]) == ("unreadable", "finished")
    assert OLDER in broken["reason"]
    assert "OLDER" not in refused(capsys, "show", OLDER)
    refused(capsys, "compare", OLDER, RUN_ID)
    assert snapshot(directory) == before


def test_a_closed_folder_is_a_clear_line(told: Told, capsys: Captured) -> None:
    store(outcome)
    store(outcome, OLDER)
    told("show")  # whatever has to be imported is imported now
    Path().chmod(0o755)
    (Path("generated") / OLDER).chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)  # nothing is closed to root
    try:
        assert re.search(rf"{OLDER} +unreadable", told())
        assert "Permission denied" in refused(capsys, "show", OLDER)
        assert "Permission denied" in refused(capsys, "rm", OLDER, "--yes")
    finally:
        os.seteuid(user)
        (Path("generated") / OLDER).chmod(0o755)
    assert re.search(rf"{OLDER} +finished", told())


def test_numbers_that_no_run_reaches_break_no_page(told: Told) -> None:
    store(outcome)
    path = Path("generated") / RUN_ID / "run.json"
    text = path.read_text("utf-8")
    for field, value in (("asked", "9" * 4_000), ("prompt_tokens", "9" * 4_000), ("elapsed_s", "Infinity")):
        text = re.sub(rf'(?m)^  "{field}": [^,]*,$', f'  "{field}": {value},', text)
    text = re.sub(r'(?m)^  "cost": null', '  "cost": 1e300', text)
    path.write_text(re.sub(r'"started": "[^"]*"', '"started": "0001-01-01T00:00:00"', text), encoding="utf-8")
    asyncio.run(Ledger.open(path.with_name(FILE_NAME)).close())
    store(outcome, OLDER)
    assert "3/999G" in told()
    assert "999G tokens read" in told("show", RUN_ID)
    assert "999G" in told("compare", OLDER, RUN_ID)


# -- show ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 200])
def test_one_page_tells_all_of_a_run(told: Told, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    run = store(lambda directory: ranked_outcome(directory).model_copy(update={"cost": 0.0123, "interrupted": True}))
    with_calls(run, run.started.timestamp())
    settings = SpawnSettings(count=20, bounce=0.5, objective="x", base_url="https://me:word@host/v1?key=k1")
    write_settings(run.directory, settings)
    out = told("show", RUN_ID[:10])
    words = " ".join(out.split())
    for said in (
        f"Run {RUN_ID} State interrupted",
        "Objective business ideas for agentic AI",
        "Started 2026-11-21 06:45 UTC, took 1:05",
        "Model test:model",
        "Sandbox process: no wall",
        "Seed 4711",
        "Agents 20 live, 0 failed",
        "Ideas 20 of 20",
        "Spent 12,345 tokens read, 6,789 written, $0.0123",
        "Order: judge's preference",
    ):
        assert said in words
    assert " ".join(out.partition("Settings")[2].splitlines()[0].split()) == "base_url https://host/v1; bounce 0.5"
    assert [line.split()[1] for line in out.splitlines() if re.match(r" +\d+ +\d+ +[A-Z]", line)] == [
        "20",
        "19",
        "18",
        "17",
        "16",
    ]
    for phase, calls, read in (
        ("writing agents", 1, "100"),
        ("working on ideas", 2, "2.3k"),
        ("one-shot ideas", 1, "40"),
        ("judging", 1, "50"),
    ):
        assert re.search(rf"{phase} +{calls} +{read} +\d+ +- ", out)
    accounts = [line.split()[0] for line in out.partition("Account")[2].partition("Model")[0].splitlines()[1:] if line]
    assert accounts == ["ada", "bo", "creator", "judge", "baseline"]
    assert re.search(r"\nm +4 ", out)
    assert [line.split("creator ")[1] for line in out.splitlines() if "python -m creator" in line] == [
        f"ideas {RUN_ID}",
        f"agents {RUN_ID}",
        f"runs resume {RUN_ID}",
    ]
    assert len(out.splitlines()) <= 60


def test_a_run_in_json(told: Told) -> None:
    run = store(outcome)
    with_calls(run, 0)
    document = json.loads(told("show", "--json"))
    assert (document["run_id"], document["seed"], document["settings"], document["unread"]) == (RUN_ID, 4_711, {}, [])
    assert [one["number"] for one in document["best_ideas"]] == [1, 2, 3]
    assert document["failures"] == [
        {"agent": "failed_1", "reason": "it never answered"},
        {"agent": None, "reason": "the model was slow"},
    ]
    assert {one["name"]: one["prompt_tokens"] for one in document["spending"]["models"]} == {"m": 2_440, "other": 50}
    assert document["spending"]["phases"][0]["cost"] is None


def test_a_finished_run_is_not_to_be_resumed_and_its_failures_have_reasons(told: Told) -> None:
    recorded()
    out = told("show")
    assert "failed  cy_farms: it never answered" in out
    assert "1 live, 1 failed, 1 pending" in out
    assert "runs resume" not in out


def test_a_run_without_ledger_and_with_damaged_settings_is_shown_all_the_same(told: Told) -> None:
    run = store(outcome)
    (run.directory / "settings.json").write_text("[")
    out = " ".join(told("show").split())
    assert "Who spent what cannot be read: The ledger" in out
    assert "settings.json' is damaged" in out
    assert len(json.loads(told("show", "--json"))["unread"]) == 2
    assert "Settings are not compared" in told("compare", store(outcome, OLDER).directory.name, RUN_ID)


def test_a_lost_run_is_shown_from_its_ledger(told: Told) -> None:
    begun(NEWER, gone())
    out = told("show", NEWER)
    assert "State      lost: the run ended without a result" in out
    assert f"python -m creator runs resume {NEWER}" in out


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("arguments", [["show", RUN_ID], ["compare", RUN_ID, OLDER]])
def test_hostile_texts_reach_the_terminal_as_plain_text(
    told: Told, monkeypatch: pytest.MonkeyPatch, width: int, arguments: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    run = store(hostile_outcome)
    store(hostile_outcome, OLDER)
    evil = "\x1b[2J\u202eevil [bold]x[/bold]"
    (run.directory / "settings.json").write_text(json.dumps({evil: evil, "bounce": [evil] * 500}), encoding="utf-8")
    ledger = Ledger.open(run.directory / FILE_NAME)
    ledger.record_call(
        evil,
        evil * 9,
        prompt_tokens=1,
        completion_tokens=1,
        prompt_characters=1,
        latency=0,
        retries=0,
        error=None,
    )
    asyncio.run(ledger.close())
    out = told(*arguments)
    assert not CONTROL.search(out)
    assert "[bold]x" in out
    assert not CONTROL.search(told(*arguments, "--json"))


# -- compare ---------------------------------------------------------------------------------------------------------


def other_outcome(directory: Path) -> RunOutcome:
    """A run with one idea that the other has too, in other words, and two that it has not."""
    run = outcome(directory, failed=0)
    texts = ["Dispatchers lose two hours each day to calls about where a truck is.", "Zebras " * 9, "Quinces " * 9]
    ideas = [
        one.model_copy(
            update={
                "versions": [IdeaVersion(author=one.author, idea=idea(f"Dispatch desk {one.number}", text))]
                if place == 0
                else [
                    IdeaVersion(
                        author=one.author,
                        idea=idea(text, text).model_copy(update={"customer": text, "solution": text * 5}),
                    )
                ]
            }
        )
        for place, (one, text) in enumerate(zip(run.ideas, texts, strict=True))
    ]
    changes = {"ideas": ideas, "model": "openai:y", "cost": 2.0, "prompt_tokens": 30_000}
    return run.model_copy(update=changes)


@pytest.mark.parametrize("width", [80, 200])
def test_two_runs_stand_side_by_side(told: Told, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    first, second = store(outcome, OLDER), store(other_outcome)
    write_settings(first.directory, SpawnSettings(count=4, bounce=0.5, hop_limit=2))
    write_settings(second.directory, SpawnSettings(count=4, hop_limit=2))
    out = told("compare", OLDER, RUN_ID)
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert f"A: {OLDER} B: {RUN_ID}" in lines
    assert "Model test:model openai:y" in lines
    assert "Agents 3 live, 1 failed 3 live, 0 failed" in lines
    assert "Ideas 3 of 4 3 of 3" in lines
    assert "Tokens per idea 6.4k 12k" in lines
    assert "Cost - $2.00" in lines
    assert "bounce 0.5 usual" in lines
    assert "hop_limit" not in out
    assert re.search(r" 100 % +A 1 +Dispatch desk 1 *\n +B 1 +Dispatch desk 1", out)
    assert "Zebras" not in out
    words = " ".join(lines)
    assert "Ratings are not compared" in words
    assert f"Costs are not compared: what run {OLDER} cost is not known." in words
    assert "Tokens of different models" in words


def test_two_runs_in_json(told: Told) -> None:
    store(outcome, OLDER)
    store(other_outcome)
    document = json.loads(told("compare", OLDER, "latest", "--json"))
    assert [one["run_id"] for one in document["runs"]] == [OLDER, RUN_ID]
    assert {one["ideas"][1]["number"] for one in document["alike"]} == {1}
    assert all(one["likeness"] >= 0.78 for one in document["alike"])
    assert document["runs"][1]["tokens_per_idea"] == (30_000 + 6_789) // 3


def test_what_cannot_be_compared_is_said(told: Told) -> None:
    def measured(directory: Path) -> RunOutcome:
        run = ranked_outcome(directory, count=5)
        diversity = run.diversity.model_copy(update={"measured_by": "embeddings:e"})
        return run.model_copy(update={"diversity": diversity, "objective": "games"})

    store(ranked_outcome, OLDER)
    store(measured)
    begun(NEWER, gone())
    words = " ".join(told("compare", OLDER, RUN_ID).split())
    assert "each tournament has a scale of its own" in words
    assert "one is measured by words, the other by embeddings:e" in words
    assert "They worked on different objectives." in words
    words = " ".join(told("compare", OLDER, NEWER).split())
    assert f"Run {NEWER} ended without a result: its numbers are what there is so far." in words


def test_a_run_is_not_compared_to_itself(capsys: Captured) -> None:
    store(outcome)
    assert "are the same run" in refused(capsys, "compare", RUN_ID, "latest")


# -- rm --------------------------------------------------------------------------------------------------------------


def test_runs_are_removed_and_latest_points_at_what_is_left(told: Told) -> None:
    for run_id in (OLDER, RUN_ID, NEWER):
        store(outcome, run_id)
    assert told("rm", NEWER, "--yes") == f"Removed: {NEWER}\nlatest is {RUN_ID} now\n"
    assert Path("generated/latest").readlink() == Path(RUN_ID)
    assert told("rm", OLDER[:10], "--yes") == f"Removed: {OLDER}\n"
    assert Path("generated/latest").readlink() == Path(RUN_ID)
    assert told("rm", "latest", RUN_ID, "--yes").endswith("No run is left, so latest is gone too.\n")
    assert list(Path("generated").iterdir()) == []


def test_where_links_do_not_work_latest_is_a_file_and_a_folder_of_that_name_stays(told: Told) -> None:
    for run_id in (OLDER, RUN_ID, NEWER):
        store(outcome, run_id)
    latest = Path("generated/latest")
    latest.unlink()
    latest.write_text(f"{NEWER}\n")
    told("rm", NEWER, "--yes")
    assert (latest.resolve().name, latest.read_text() if latest.is_file() else "") in {(RUN_ID, ""), ("latest", RUN_ID)}
    latest.unlink()
    latest.mkdir()
    told("rm", RUN_ID, OLDER, "--yes")
    assert [path.name for path in Path("generated").iterdir()] == ["latest"]


def test_without_a_terminal_and_without_yes_nothing_is_removed(capsys: Captured) -> None:
    store(outcome)
    assert "add --yes" in refused(capsys, "rm", RUN_ID)
    assert Path("generated", RUN_ID).is_dir()


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, answer: str):
    """A person at the terminal who answers so."""
    master, slave = os.openpty()
    os.write(master, f"{answer}\n".encode())
    with os.fdopen(slave, "r", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        yield
    os.close(master)


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1), ("", 1)])
def test_on_a_terminal_it_asks_with_names_sizes_and_ideas(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, answer: str, code: int
) -> None:
    store(hostile_outcome, OLDER)
    run = store(outcome)
    with (run.directory / "agents" / "big").open("wb") as file:
        file.truncate(3_000_000)
    with terminal(monkeypatch, answer):
        assert main(["runs", "rm", OLDER, RUN_ID]) == code
    out = capsys.readouterr().out
    assert not CONTROL.search(out)
    assert re.search(rf"{OLDER} +\d+\.\d kB +2 ideas", out)
    assert re.search(rf"{RUN_ID} +3\.0 MB +3 ideas +business ideas", out)
    assert "Remove these 2 runs?" in out
    assert ("Nothing was removed." in out) == bool(code)
    assert Path("generated", RUN_ID).exists() == bool(code)


def test_a_run_that_goes_on_is_refused_with_all_others(capsys: Captured) -> None:
    store(outcome)
    begun(NEWER, os.getpid())
    assert f"Run {NEWER} is still going on" in refused(capsys, "rm", RUN_ID, NEWER, "--yes")
    begun("20261123-000000-0003", 1, host="elsewhere")
    assert "If its machine is gone" in refused(capsys, "rm", "20261123", "--yes")
    assert len(list(Path("generated").glob("2*"))) == 3


def test_a_run_whose_ledger_is_open_is_refused_even_before_it_has_a_record(capsys: Captured, told: Told) -> None:
    directory = begun(NEWER, gone())
    (directory / "run.json").unlink()
    code = (
        "import sys\nfrom pathlib import Path\nfrom creator.ledger import Ledger\n"
        "ledger = Ledger.open(Path(sys.argv[1]))\nprint('open', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(directory / FILE_NAME)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        assert in_use(directory)
        assert "is open in another program" in refused(capsys, "rm", NEWER, "--yes")
        process.kill()
    assert not in_use(directory)
    assert told("rm", NEWER, "--yes").startswith(f"Removed: {NEWER}\n")


def test_no_link_is_followed(capsys: Captured, told: Told) -> None:
    run = store(outcome)
    treasure = Path("treasure")
    treasure.mkdir()
    (treasure / "run.json").write_text("{}")
    (run.directory / "ideas" / "away").symlink_to(treasure.absolute(), target_is_directory=True)
    link = Path("generated") / OLDER
    link.symlink_to(treasure.absolute(), target_is_directory=True)
    assert "is a link" in refused(capsys, "rm", OLDER, "--yes")
    told("rm", RUN_ID, "--yes")
    assert [path.name for path in treasure.iterdir()] == ["run.json"]
    assert link.is_symlink()


@pytest.mark.parametrize("wanted", ["", ".", "..", "../outside", "agents", "20269999", f"../generated/{RUN_ID}", "*"])
def test_only_the_folders_of_runs_are_removed(capsys: Captured, wanted: str) -> None:
    store(outcome)
    Path("outside").mkdir()
    Path("generated/agents").mkdir()
    before = snapshot(Path())
    refused(capsys, "rm", "--yes", wanted)
    assert snapshot(Path()) == before


def test_a_folder_of_another_program_is_refused_and_a_damaged_run_is_not(capsys: Captured, told: Told) -> None:
    foreign = Path("generated") / OLDER
    foreign.mkdir(parents=True)
    (foreign / "thesis.txt").write_text("years of work")
    assert "holds nothing of a run" in refused(capsys, "rm", OLDER, "--yes")
    assert (foreign / "thesis.txt").exists()
    (Path("generated") / RUN_ID / "agents").mkdir(parents=True)
    damaged = Path("generated") / NEWER
    damaged.mkdir()
    (damaged / "run.json").write_bytes(b"")
    assert told("rm", RUN_ID, NEWER, "--yes") == f"Removed: {RUN_ID}\nRemoved: {NEWER}\n"


def test_what_cannot_be_removed_is_one_line_and_keeps_no_other(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = store(outcome, OLDER)
    store(outcome)
    Path().chmod(0o755)
    for folder in (Path("generated"), Path("generated", RUN_ID), *Path("generated", RUN_ID).iterdir()):
        if folder.is_dir():
            folder.chmod(0o777)
    (closed.directory / "ideas").chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65_534)  # nothing is closed to root
    try:
        assert main(["runs", "rm", OLDER, RUN_ID, "--yes"]) == 2
    finally:
        os.seteuid(user)
    out, err = capsys.readouterr()
    assert f"Removed: {RUN_ID}" in out
    assert err.startswith(f"creator: Not removed: {OLDER}: Permission denied")
    assert err.count("\n") == 1
    assert (closed.directory / "ideas").is_dir()


def test_kept_agents_stay_in_the_library(told: Told) -> None:
    run = recorded()
    keep(run.directory, "ada_freight", Path("library"))
    before = snapshot(Path("library"))
    told("rm", "latest", "--yes")
    assert snapshot(Path("library")) == before


def test_answers_that_were_not_paid_for_are_no_spending() -> None:
    run = store(outcome)
    with_calls(run, 0)
    ledger = Ledger.open(run.directory / FILE_NAME)
    columns = {row[1] for row in ledger._connection.execute("PRAGMA table_info(calls)")}
    if "cost" not in columns:  # a ledger of the schema before prices
        ledger._connection.execute("ALTER TABLE calls ADD COLUMN source TEXT NOT NULL DEFAULT 'model'")
        ledger._connection.execute("ALTER TABLE calls ADD COLUMN cost REAL")
    ledger._connection.execute("UPDATE calls SET cost = 0.5 WHERE agent IN ('ada', 'bo')")
    ledger._connection.execute("UPDATE calls SET source = 'cache' WHERE agent = 'bo'")
    asyncio.run(ledger.close())
    found = {one.name: one for one in load_accounts(run.directory).agents}
    assert set(found) == {"ada", "creator", "baseline", "judge"}
    assert (found["ada"].cost, found["creator"].cost) == (0.5, None)


def test_latest_is_what_was_published_last(told: Told) -> None:
    store(outcome)
    store(outcome, OLDER)
    publish_latest(Path("generated"), Path("generated") / OLDER)
    assert f"Run        {OLDER}" in told("show")
