import asyncio
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

import creator
from creator.errors import EnvironmentFault, UsageError
from creator.ledger import Ledger
from creator.ledger.view import Comparison, find_run, load_comparisons, load_run
from creator.outcome import StartedRun
from creator.outputs import publish_latest, write_outputs, write_started
from creator.text import encodable
from tests.unit.outcomes import HOSTILE, RUN_ID, hostile_outcome, idea, outcome

ROOT = Path(creator.__file__).parent.parent


def rows(path: Path, statement: str) -> list[tuple]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def record_something(ledger: Ledger) -> None:
    ledger.record_event("started", "run", {"seed": 7, "path": Path("x")})
    ledger.record_agent("ada", "freight", "founder", "live", sha256="ab" * 32)
    ledger.record_agent("bo", "clinics", "critic", "live")
    ledger.record_agent("cy", "farming", "critic", "failed", attempt=3, reason=HOSTILE)
    ledger.record_message(
        "ada", "bo", "RefineRequest", size_bytes=900, latency_s=0.5, outcome="ok", conversation="c1", hop=1
    )
    ledger.record_call(
        "ada", "m", prompt_tokens=10, completion_tokens=20, prompt_characters=50, latency=0.2, retries=1, error=None
    )
    ledger.record_call("bo", "m", prompt_tokens=1, completion_tokens=2, prompt_characters=5, latency=1, error="429")
    first, second = idea("One").model_dump(), idea("One, better").model_dump()
    ledger.record_idea(1, 1, "c1", "ada", writer="ada", parents=[], hop=0, idea=first)
    ledger.record_remark("cy", "critique", 1, "Nobody asks for it.")
    ledger.record_idea(2, 1, "c1", "ada", writer="bo", parents=[1], hop=1, idea=second, weak=["no price"])
    ledger.record_idea(3, 2, "c2", "bo", writer="bo", parents=[], hop=0, idea=idea("Two").model_dump())
    ledger.record_idea(4, 3, "", "m", writer="m", parents=[], hop=0, idea=idea("Three").model_dump(), source="one-shot")


def _encodable(value: object) -> object:
    if isinstance(value, dict):
        return {key: _encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return encodable(value) if isinstance(value, str) else value


def start(directory: Path, **changes: object) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    info = StartedRun(
        run_id=directory.name,
        objective="ideas",
        model="m",
        sandbox="process",
        asked=3,
        started=datetime.now(UTC),
        pid=os.getpid(),
        host=socket.gethostname(),
    )
    write_started(directory, info.model_copy(update=changes))


async def test_what_is_recorded_is_there_at_once_for_another_reader(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with Ledger.open(path) as ledger:
        record_something(ledger)
        assert rows(path, "SELECT number, author, writer, parents, weak, source FROM ideas") == [
            (1, "ada", "ada", "[]", "[]", "agent"),
            (1, "ada", "bo", "[1]", '["no price"]', "agent"),
            (2, "bo", "bo", "[]", "[]", "agent"),
            (3, "m", "m", "[]", "[]", "one-shot"),
        ]
        assert rows(path, "SELECT agent, prompt_tokens, latency_s, error FROM calls")[1] == ("bo", 1, 1.0, "429")
        assert rows(path, "PRAGMA journal_mode") == [("wal",)]


def test_what_is_recorded_survives_a_process_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    code = (
        "import os, sys; from pathlib import Path; from creator.ledger import Ledger\n"
        "Ledger.open(Path(sys.argv[1])).record_agent('ada', 'freight', 'founder', 'live')\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, check=False).returncode == -9
    assert rows(path, "SELECT name FROM agents") == [("ada",)]


async def test_a_ledger_is_opened_again_with_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with Ledger.open(path) as ledger:
        record_something(ledger)
    async with Ledger.open(path) as ledger:
        ledger.record_agent("ada", "freight", "founder", "failed", attempt=2, reason="it left")
    assert rows(path, "SELECT state, attempt, reason FROM agents WHERE name = 'ada'") == [("failed", 2, "it left")]


async def test_what_does_not_fit_the_tables_of_ideas_is_refused(tmp_path: Path) -> None:
    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        fits = {"writer": "ada", "parents": [], "hop": 0, "idea": {}}
        ledger.record_idea(1, 1, "c", "ada", **fits)
        for id, number, changes in ((1, 1, {}), (2, 0, {}), (2, 1, {"hop": -1}), (2, 1, {"source": "elsewhere"})):
            with pytest.raises(ValueError, match="'ideas' refused"):
                ledger.record_idea(id, number, "c", "ada", **{**fits, **changes})
        for kind, about in (("critique", 2), ("praise", 1)):
            with pytest.raises(ValueError, match="'remarks' refused"):
                ledger.record_remark("bo", kind, about, "Who would pay?")
        with pytest.raises(ValueError, match="'comparisons' refused"):
            ledger.record_comparison("judge", "m", 1, 1, 2, 3, "the winner was not in the pair")


async def test_any_text_can_be_recorded_and_none_without_bound(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with Ledger.open(path) as ledger:
        ledger.record_event("x" * 10_000, HOSTILE + "\ud800", {"big": "y" * 1_000_000, "\ud800": "\udfff"})
        ledger.record_agent("ada", HOSTILE, HOSTILE, "failed", reason="z" * 1_000_000)
        ledger.record_event("odd", "run", {"value": object()})
    assert all(len(detail) < 30_000 for (detail,) in rows(path, "SELECT detail FROM events"))
    assert json.loads(rows(path, "SELECT detail FROM events")[0][0])
    assert len(rows(path, "SELECT reason FROM agents")[0][0]) == 4_000


async def test_threads_may_write_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with Ledger.open(path) as ledger:
        threads = [
            threading.Thread(target=lambda: [ledger.record_event("k", "s") for _ in range(50)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert rows(path, "SELECT count(*) FROM events") == [(200,)]


def test_a_folder_that_cannot_hold_it_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="unable to open") as caught:
        Ledger.open(tmp_path / "nowhere" / "ledger.sqlite")
    assert "\n" not in str(caught.value)


async def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        pages = ledger._connection.execute("PRAGMA page_count").fetchone()[0]
        ledger._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(EnvironmentFault, match=r"full.*Free some disk space"):
            for _ in range(1_000):
                ledger.record_event("k", "s", {"text": "x" * 1_000})


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be one" * 100])
def test_a_damaged_ledger_is_one_line(tmp_path: Path, content: bytes) -> None:
    directory = tmp_path / RUN_ID
    start(directory)
    (directory / "ledger.sqlite").write_bytes(content)
    with pytest.raises(EnvironmentFault) as caught:
        load_run(directory)
    assert "\n" not in str(caught.value)


def test_a_database_of_another_program_is_refused_for_reading_and_writing(tmp_path: Path) -> None:
    directory = tmp_path / RUN_ID
    start(directory)
    connection = sqlite3.connect(directory / "ledger.sqlite")
    connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    for attempt in (lambda: load_run(directory), lambda: Ledger.open(directory / "ledger.sqlite")):
        with pytest.raises(EnvironmentFault, match="not a ledger of this program"):
            attempt()


async def test_a_run_that_goes_on_is_read_from_its_ledger(tmp_path: Path) -> None:
    directory = tmp_path / RUN_ID
    start(directory)
    async with Ledger.open(directory / "ledger.sqlite") as ledger:
        record_something(ledger)
        view = load_run(directory)
    assert view.state == "running"
    found = view.outcome
    assert [(i.number, i.author, i.contributors) for i in found.ideas] == [(1, "ada", ["bo", "cy"]), (2, "bo", [])]
    assert (found.ideas[0].original.title, found.ideas[0].final.title) == ("One", "One, better")
    assert [version.parents for version in found.ideas[0].versions] == [[], [1]]
    assert [(one.author, one.about) for one in found.ideas[0].remarks] == [("cy", 1)]
    assert found.ideas[0].weak == ["no price"]
    assert [a.name for a in found.live] == ["ada", "bo"]
    assert [(a.name, a.attempts) for a in found.failed] == [("cy", 3)]
    assert (found.prompt_tokens, found.completion_tokens) == (11, 22)
    assert found.agents[0].completion_tokens == 20
    assert "still going on" in found.reason


async def test_what_judges_said_of_an_idea_is_read_back_from_its_side(tmp_path: Path) -> None:
    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        ledger.record_comparison("judge", "m", 1, 1, 2, 2, "clearer")
        ledger.record_comparison("judge", "m", 1, 2, 1, 1, "clearer")
        ledger.record_comparison("judge", "m", 2, 3, 2, None, "")
        ledger.record_comparison("judge", "m", 2, 3, 4, 3, "nothing of idea 2")
        assert load_comparisons(tmp_path, 2) == [
            Comparison("judge", 1, other=1, shown_first=False, preferred=True, reason="clearer"),
            Comparison("judge", 1, other=1, shown_first=True, preferred=False, reason="clearer"),
            Comparison("judge", 2, other=3, shown_first=False, preferred=None, reason=""),
        ]
        assert load_comparisons(tmp_path, 9) == []
    with pytest.raises(EnvironmentFault, match="does not exist"):
        load_comparisons(tmp_path / "elsewhere", 2)


def test_a_run_whose_process_is_gone_is_lost_and_still_readable(tmp_path: Path) -> None:
    directory = tmp_path / RUN_ID
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    start(directory, pid=child.pid)
    ledger = Ledger.open(directory / "ledger.sqlite")
    record_something(ledger)
    asyncio.run(ledger.close())
    view = load_run(directory)
    assert view.state == "lost"
    assert len(view.outcome.ideas) == 2
    assert view.outcome.exit_code == 130


@pytest.mark.parametrize("make", [outcome, hostile_outcome])
def test_a_finished_run_is_read_back_as_it_was(tmp_path: Path, make) -> None:
    directory = tmp_path / RUN_ID
    (directory / "ideas").mkdir(parents=True)
    written = make(directory)
    write_outputs(written)
    view = load_run(directory)
    assert view.state == "finished"
    # A file cannot hold an unpaired surrogate; everything else comes back as it was.
    assert view.outcome.model_dump_json() == written.model_validate(_encodable(written.model_dump())).model_dump_json()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"state": "finished"}',
        b'{"schema_version": 2}',
        b'{"state": "running", "asked": "x"}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_run_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    directory = tmp_path / RUN_ID
    directory.mkdir()
    (directory / "run.json").write_bytes(content)
    with pytest.raises(EnvironmentFault, match=r"run\.json") as caught:
        load_run(directory)
    assert "\n" not in str(caught.value)


def test_a_run_is_found_by_id_prefix_and_latest(tmp_path: Path) -> None:
    names = ["20261121-064512-3f2a", "20261121-064512-3f2b", "20261122-000000-0000"]
    for name in [*names, "notes", "20261123"]:
        (tmp_path / name).mkdir()
    assert find_run(tmp_path).name == names[2]
    publish_latest(tmp_path, tmp_path / names[0])
    assert find_run(tmp_path).name == names[0]
    assert find_run(tmp_path, names[1]).name == names[1]
    assert find_run(tmp_path, "20261122").name == names[2]
    with pytest.raises(UsageError, match="fits 2 runs"):
        find_run(tmp_path, "20261121")
    for wanted in ("../x", "nope", "", "notes", "20261121-064512-3f2a/../../etc"):
        with pytest.raises(UsageError, match="No run"):
            find_run(tmp_path, wanted)


def test_no_runs_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="python -m creator spawn"):
        find_run(tmp_path / "generated")
    (tmp_path / "generated").write_text("a file", encoding="utf-8")
    with pytest.raises(UsageError, match="Cannot read"):
        find_run(tmp_path / "generated")
