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
from typing import Any

import pytest

import creator
from creator.errors import EnvironmentFault, UsageError
from creator.ledger import Ledger
from creator.ledger.store import AnswerRow, BirthRow, ChoiceRow, ComparisonRow, SpentRow
from creator.ledger.view import Comparison, find_run, load_comparisons, load_run
from creator.outcome import IdeaOutcome, IdeaVersion, RatedIdea, Remark, StartedRun
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


def birth(number: int, **changes: Any) -> BirthRow:
    plain = BirthRow(number, 0, "", "idea_agent", {"sector": "freight"}, [], None, "")
    return plain._replace(**changes)


def text_of(number: int, id: int, title: str, writer: str = "ada", **changes: Any) -> IdeaVersion:
    return IdeaVersion(author=writer, idea=idea(title), id=id, **changes)


IDEAS = [
    IdeaOutcome(
        number=1,
        author="ada",
        versions=[text_of(1, 1, "One"), text_of(1, 2, "One, better", "bo", hop=1, parents=[1])],
        remarks=[Remark(author="cy", kind="critique", about=1, content="Nobody asks for it.")],
        conversation="c1",
        weak=["no price"],
    ),
    IdeaOutcome(number=2, author="bo", versions=[text_of(2, 3, "Two", "bo")], conversation="c2", generation=1),
    IdeaOutcome(number=3, author="m", versions=[text_of(3, 4, "Three", "m")], source="one-shot"),
]


def record_something(ledger: Ledger) -> None:
    ledger.record_event("started", "run", {"seed": 7, "path": Path("x")})
    ledger.record_births([birth(1), birth(2, generation=1, asked_by="ada"), birth(3)])
    ledger.record_agent("ada", "freight", "founder", "live", sha256="ab" * 32, number=1)
    ledger.record_agent("bo", "clinics", "critic", "live", number=2)
    ledger.record_agent("cy", "farming", "critic", "failed", attempt=3, reason=HOSTILE, number=3)
    ledger.record_attempt(3, 1, "policy", HOSTILE)
    ledger.record_message(
        "ada", "bo", "RefineRequest", size_bytes=900, latency_s=0.5, outcome="ok", conversation="c1", hop=1
    )
    ledger.record_call(
        "ada", "m", prompt_tokens=10, completion_tokens=20, prompt_characters=50, latency=0.2, retries=1, error=None
    )
    ledger.record_call("bo", "m", prompt_tokens=1, completion_tokens=2, prompt_characters=5, latency=1, error="429")
    ledger.record_idea(IDEAS[0], 1)
    ledger.record_idea(IDEAS[1], 2)
    ledger.record_idea(IDEAS[2], None)


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
        assert rows(path, "SELECT number, source, author, birth, generation, weak FROM ideas") == [
            (1, "agent", "ada", 1, 0, '["no price"]'),
            (2, "agent", "bo", 2, 1, "[]"),
            (3, "one-shot", "m", None, 0, "[]"),
        ]
        assert rows(path, "SELECT number, id, writer, hop FROM texts") == [
            (1, 1, "ada", 0),
            (1, 2, "bo", 1),
            (2, 3, "bo", 0),
            (3, 4, "m", 0),
        ]
        assert rows(path, "SELECT text, parent, place FROM lineage") == [(2, 1, 0)]
        assert rows(path, "SELECT author, about FROM remarks") == [("cy", 1)]
        assert rows(path, "SELECT agent, prompt_tokens, latency_s, error FROM calls")[1] == ("bo", 1, 1.0, "429")
        assert rows(path, "PRAGMA journal_mode") == [("wal",)]


def test_what_is_recorded_survives_a_process_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    code = (
        "import os, sys; from pathlib import Path; from creator.ledger import Ledger\n"
        "Ledger.open(Path(sys.argv[1])).record_wish('freight', 'founder')\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, check=False).returncode == -9
    assert rows(path, "SELECT sector, role FROM wishes") == [("freight", "founder")]


async def test_a_ledger_is_opened_again_with_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with Ledger.open(path) as ledger:
        record_something(ledger)
    async with Ledger.open(path) as ledger:
        ledger.record_agent("ada", "freight", "founder", "failed", attempt=2, reason="it left", number=1)
    assert rows(path, "SELECT state, attempt, reason FROM agents WHERE name = 'ada'") == [("failed", 2, "it left")]


@pytest.mark.parametrize(
    ("table", "number", "changes"),
    [
        ("ideas", 1, {}),
        ("ideas", 2, {"birth": 9}),
        ("texts", 2, {"versions": [text_of(2, 2, "New"), text_of(2, 1, "Its id is taken")]}),
        ("lineage", 2, {"versions": [text_of(2, 2, "From a text that nobody knows", parents=[9])]}),
        ("remarks", 2, {"remarks": [Remark(author="bo", kind="pro", about=9, content="of a text that nobody knows")]}),
    ],
)
async def test_an_idea_of_which_something_does_not_fit_leaves_nothing_behind(
    tmp_path: Path, table: str, number: int, changes: dict[str, Any]
) -> None:
    path = tmp_path / "ledger.sqlite"
    counts = "SELECT (SELECT count(*) FROM ideas), (SELECT count(*) FROM texts), (SELECT count(*) FROM remarks)"
    async with Ledger.open(path) as ledger:
        ledger.record_births([birth(1)])
        first = IdeaOutcome(number=1, author="ada", versions=[text_of(1, 1, "One")])
        ledger.record_idea(first, 1)
        other = first.model_copy(update={"number": number, "versions": [text_of(number, 2, "Two")], **changes})
        with pytest.raises(ValueError, match=f"'{table}' refused a row"):
            ledger.record_idea(other, changes.get("birth", 1))
        assert rows(path, counts) == [(1, 1, 0)]
        ledger.record_event("still", "open")


async def test_what_refers_to_something_unknown_is_refused(tmp_path: Path) -> None:
    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        record_something(ledger)
        with pytest.raises(ValueError, match="'comparisons' refused"):
            ledger.record_comparison("judge", "m", 1, 1, 2, 3, "the winner was not in the pair")
        with pytest.raises(ValueError, match="'comparisons' refused"):
            ledger.record_comparison("judge", "m", 1, 1, 9, 1, "nobody knows the other")
        with pytest.raises(ValueError, match="'attempts' refused"):
            ledger.record_attempt(9, 1, "model", "nobody is to be born under this number")
        with pytest.raises(ValueError, match="'agents' refused"):
            ledger.record_agent("di", "freight", "founder", "live", number=9)
        with pytest.raises(ValueError, match="'births' refused"):
            ledger.record_births([birth(4), birth(0)])
        assert [one.number for one in ledger.births()] == [1, 2, 3]


async def test_births_are_read_back_and_the_first_word_stays(tmp_path: Path) -> None:
    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        whole = birth(
            2, generation=1, asked_by="ada", parents=["ada", "bo"], heritage={"slots": {"a": ["b"]}}, kept="k"
        )
        ledger.record_births([whole, birth(1, brief={"sector": "h\u00e4fen", "role": HOSTILE})])
        ledger.record_births([birth(1), birth(3)])
        assert ledger.births() == [birth(1, brief={"sector": "h\u00e4fen", "role": HOSTILE}), whole, birth(3)]


async def test_a_module_is_on_record_once_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with Ledger.open(path) as ledger:
        ledger.record_births([birth(1)])
        for sha256 in ("aa", "aa", "bb", "aa"):
            ledger.record_blueprint(1, "ada", sha256, {"slots": {"x": 1}})
        assert rows(path, "SELECT number, name, sha256, json_extract(blueprint, '$.slots.x') FROM blueprints") == [
            (1, "ada", sha256, 1) for sha256 in ("aa", "bb", "aa")
        ]


async def test_facts_and_choices_are_read_back(tmp_path: Path) -> None:
    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        for seed in ("6", "7"):
            ledger.record_fact("seed", seed)
        assert ledger.facts() == {"seed": "7"}
        with pytest.raises(ValueError, match="the ledger's own"):
            ledger.record_fact("schema_version", "1")
        ledger.record_choice("colleague", "ada", "c1", 2, {"name": "bo"})
        for name in ("di", "cy"):
            ledger.record_choice("colleague", "ada", "c1", 1, {"name": name})
        ledger.record_choice("order", "ada", "c1", 1, {"place": 3})
        assert ledger.choice("colleague", "ada", "c1", 1) == {"name": "cy"}
        assert ledger.choice("colleague", "ada", "c1", 3) is None
        assert ledger.choices("colleague") == [
            ChoiceRow("colleague", "ada", "c1", 2, {"name": "bo"}),
            ChoiceRow("colleague", "ada", "c1", 1, {"name": "cy"}),
        ]


KEY = "ab" * 32
CALL = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_characters": 40, "latency": 0.1}


async def test_an_answer_is_on_record_with_its_call_or_not_at_all(tmp_path: Path) -> None:
    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        first = AnswerRow(KEY, "m", "yes " * 5_000, True, 10, 5)
        ledger.record_call("ada", "m", **CALL, key=KEY, answer=first)
        ledger.record_call("bo", "m", **CALL, key=KEY, source="shared", answer=first._replace(answer="no"))
        assert ledger.answer(KEY) == first
        assert ledger.answer("cd" * 32) is None
        assert ledger.answers() == [first]
        with pytest.raises(ValueError, match="'answers' refused"):
            ledger.record_call("cy", "m", **CALL, key="short", answer=first._replace(key="short"))
        with pytest.raises(ValueError, match="'calls' refused"):
            ledger.record_call("cy", "m", **CALL, source="hearsay")
        assert [row.agent for row in ledger.spent()] == ["ada"]


async def test_only_what_was_paid_for_counts_as_spent(tmp_path: Path) -> None:
    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        ledger.record_call("ada", "m", **CALL, cost=0.25)
        ledger.record_call("ada", "m", **CALL)
        ledger.record_call("ada", "m", **{**CALL, "prompt_tokens": 0, "completion_tokens": 0}, error="429")
        ledger.record_call("ada", "n", **CALL, cost=0.5)
        for source in ("run", "cache", "shared"):
            ledger.record_call("ada", "m", **CALL, source=source)
        assert ledger.spent() == [
            SpentRow("ada", "m", 20, 10, 0.25, unknown_cost_calls=1, calls=3),
            SpentRow("ada", "n", 10, 5, 0.5, unknown_cost_calls=0, calls=1),
        ]


async def test_a_question_that_failed_is_told_until_it_is_answered(tmp_path: Path) -> None:
    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        ledger.record_call("ada", "m", **CALL, error="of an older run, which had no keys")
        ledger.record_call("ada", "m", **CALL, key=KEY, error="first")
        ledger.record_call("ada", "m", **CALL, key=KEY, error="second")
        assert ledger.failures() == {KEY: "second"}
        ledger.record_call("ada", "m", **CALL, key=KEY, answer=AnswerRow(KEY, "m", "yes", False, 10, 5))
        assert ledger.failures() == {}


async def test_ratings_take_the_place_of_those_before(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    first, second = (
        RatedIdea(number=number, rank=rank, rating=1_500, low=1_400, high=1_600, wins=1, comparisons=2)
        for rank, number in enumerate((2, 1), start=1)
    )
    async with Ledger.open(path) as ledger:
        record_something(ledger)
        ledger.record_ratings([first, second])
        ledger.record_ratings([first])
        with pytest.raises(ValueError, match="'ratings' refused"):
            ledger.record_ratings([first.model_copy(update={"number": 9})])
        assert rows(path, "SELECT rank, number, title FROM ranked_ideas") == [
            (1, 2, "Two"),
            (None, 1, "One, better"),
            (None, 3, "Three"),
        ]


async def test_any_text_can_be_recorded_and_none_without_bound(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with Ledger.open(path) as ledger:
        ledger.record_event("x" * 10_000, HOSTILE + "\ud800", {"big": "y" * 1_000_000, "\ud800": "\udfff"})
        ledger.record_births([birth(1, asked_by="z" * 1_000_000, brief={"sector": "\ud800"})])
        ledger.record_agent("ada", HOSTILE, HOSTILE, "failed", reason="z" * 1_000_000, number=1)
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
    assert [(i.number, i.source, i.author) for i in found.one_shot] == [(3, "one-shot", "m")]
    assert [i.model_dump(exclude={"contributors", "agent_model"}) for i in (*found.ideas, *found.one_shot)] == [
        i.model_dump(exclude={"contributors", "agent_model"}) for i in IDEAS
    ]


async def test_what_judges_said_of_an_idea_is_read_back_from_its_side(tmp_path: Path) -> None:
    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        for number in range(1, 5):
            ledger.record_idea(IdeaOutcome(number=number, author="ada", versions=[text_of(number, number, "x")]), None)
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
        assert ledger.comparisons()[2] == ComparisonRow("judge", "m", 2, 3, 2, None, "")
        assert [row.winner for row in ledger.comparisons()] == [2, 1, None, 3]
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
